package config

import (
	"fmt"
	"net/url"
	"regexp"
	"time"
)

var (
	accountID = regexp.MustCompile(`^[0-9]{12}$`)
	regionID  = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-[0-9]{1,2}$`)
	topicARN  = regexp.MustCompile(`^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+(\.fifo)?$`)
	queueHost = regexp.MustCompile(`^sqs(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|api\.aws)$`)
)

func (d *document) checkSQS(s SQS) {
	if len(s.Queues) == 0 && !d.failed("sqs.queues") {
		d.wrong("sqs.queues", "sqs.queues names no queue; give at least one with its url")
	}
	between(d, "sqs.workers", s.Workers, 1, 64)
	d.span("sqs.visibility", s.Visibility, 30*time.Second, 12*time.Hour)
	d.span("sqs.wait", s.Wait, 0, 20*time.Second)
	var urls []string
	for i, q := range s.Queues {
		d.checkQueue(fmt.Sprintf("sqs.queues[%d]", i), q)
		urls = append(urls, q.URL)
	}
	d.unique("sqs.queues", urls)
}

func (d *document) checkQueue(path string, q Queue) {
	d.required(path+".url", q.URL != "", "it is the address of the queue, as SQS shows it")
	d.queueURL(path, q)
	if q.Region != "" && !regionID.MatchString(q.Region) && !d.failed(path+".region") {
		d.wrong(path+".region", "%s.region is a region such as eu-west-1, not %s", path, show(q.Region))
	}
	d.each(path+".accounts", q.Accounts, accountID, "an account id of 12 digits in quotes")
	d.each(path+".regions", q.Regions, regionID, "a region such as eu-west-1")
	d.each(path+".topics", q.Topics, topicARN, "the ARN of an SNS topic")
	if len(q.Accounts) == 0 {
		d.warn(path, "%s has no accounts list, so findings of every account are taken", path)
	}
	if len(q.Topics) > 0 && !q.VerifySNS {
		d.warn(path+".topics", "%s.topics is only as good as the message that names the topic; set verify_sns: true, or trust the queue's own policy", path)
	}
}

func (d *document) queueURL(path string, q Queue) {
	if q.URL == "" || d.failed(path+".url") {
		return
	}
	u, err := url.Parse(q.URL)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || len(u.Path) < 2:
		d.wrong(path+".url", "%s.url is the address of a queue, such as https://sqs.eu-west-1.amazonaws.com/111122223333/findings, not %s", path, show(q.URL))
		return
	case u.User != nil:
		d.wrong(path+".url", "%s.url has a user or password in it; remove that", path)
		return
	case u.Scheme == "http" && !loopback(u.Hostname()):
		d.warn(path+".url", "%s.url is not encrypted: findings pass in the clear", path)
	}
	region, known := queueRegion(q.URL)
	switch {
	case !known && q.Region == "":
		d.wrong(path, "%s.region is missing; it does not follow from the url", path)
	case known && q.Region != region:
		d.wrong(path+".region", "%s.region is %s, but the url is in %s", path, show(q.Region), region)
	}
}

// queueRegion reads the region from the host of a queue's URL.
func queueRegion(raw string) (string, bool) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", false
	}
	match := queueHost.FindStringSubmatch(u.Hostname())
	if match == nil {
		return "", false
	}
	return match[1], true
}
