package intake

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/url"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// errNoEnvelope means that a body is not an SNS message at all.
var errNoEnvelope = errors.New("not an SNS message")

// notification is an SNS message in a queue (Amazon SNS developer guide,
// "Message formats"). It may have no other members: what is not signed must
// not be able to stand for what is.
type notification struct {
	Type, MessageId, TopicArn, Message, Timestamp string

	Subject                                     *string
	SignatureVersion, Signature, SigningCertURL string
	UnsubscribeURL                              string
	MessageAttributes                           jsontext.Value
}

// topic is what the ARN of an SNS topic says.
type topic struct{ partition, region, suffix string }

// parseTopic reads arn:aws:sns:REGION:ACCOUNT:NAME.
func parseTopic(arn string) (topic, error) {
	part := strings.Split(arn, ":")
	if len(part) != 6 || part[0] != "arn" || part[2] != "sns" || !validRegion(part[3]) || len(part[4]) != 12 || part[5] == "" {
		return topic{}, errors.New("not the ARN of an SNS topic")
	}
	t := topic{partition: part[1], region: part[3]}
	switch t.partition {
	case "aws", "aws-us-gov":
		t.suffix = ".amazonaws.com"
	case "aws-cn":
		t.suffix = ".amazonaws.com.cn"
	default:
		return topic{}, errors.New("a partition whose SNS host is not known")
	}
	return t, nil
}

// host is where the topic's SNS publishes its certificates.
func (t topic) host() string { return "sns." + t.region + t.suffix }

func validRegion(s string) bool {
	if len(s) < 5 || len(s) > 32 || strings.Count(s, "-") < 2 {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// snsVerifier checks signatures.
type snsVerifier struct {
	topics map[string]bool // nil accepts all
	certs  *certificates
}

func newSNSVerifier(c Config) *snsVerifier {
	return &snsVerifier{topics: set(c.Topics), certs: newCertificates(c)}
}

// verify returns nil for a notification with a good signature, errNoEnvelope
// for what is not an SNS message, and a *refusal for what is a bad one. Any
// other error means that the certificate could not be had, which may pass.
// Nothing in the message is fetched but the certificate.
func (v *snsVerifier) verify(ctx context.Context, body []byte) error {
	var probe struct{ Type, TopicArn, Signature, SigningCertURL jsontext.Value }
	if json.Unmarshal(body, &probe) != nil || probe.TopicArn == nil && probe.Signature == nil && probe.SigningCertURL == nil {
		return errNoEnvelope
	}
	var n notification
	if err := json.Unmarshal(body, &n, json.RejectUnknownMembers(true)); err != nil {
		return refusef(KindSignature, "not a plain SNS notification: %v", err)
	}
	if n.Type != "Notification" {
		return refusef(KindSignature, "an SNS message of type %q, not a notification", n.Type)
	}
	if v.topics != nil && !v.topics[n.TopicArn] {
		return refusef(KindTopic, "SNS topic %q is not on the list", n.TopicArn)
	}
	t, err := parseTopic(n.TopicArn)
	if err != nil {
		return refusef(KindSignature, "SNS topic %q: %v", n.TopicArn, err)
	}
	if no := checkCertURL(n.SigningCertURL, t); no != nil {
		return no
	}
	signature, err := base64.StdEncoding.DecodeString(n.Signature)
	if err != nil || len(signature) == 0 {
		return refusef(KindSignature, "the SNS signature is missing or not base64")
	}
	hash, sum, no := n.digest()
	if no != nil {
		return no
	}
	cert, err := v.certs.get(ctx, n.SigningCertURL, t)
	if err != nil {
		return err
	}
	if rsa.VerifyPKCS1v15(cert.PublicKey.(*rsa.PublicKey), hash, sum, signature) != nil {
		return refusef(KindSignature, "the SNS signature is wrong")
	}
	return nil
}

// digest hashes what is signed, in the way the signature's version says.
func (n *notification) digest() (crypto.Hash, []byte, *refusal) {
	text := []byte(n.signed())
	switch n.SignatureVersion {
	case "1":
		sum := sha1.Sum(text)
		return crypto.SHA1, sum[:], nil
	case "2":
		sum := sha256.Sum256(text)
		return crypto.SHA256, sum[:], nil
	}
	return 0, nil, refusef(KindSignature, "SNS signature version %q is not 1 or 2", n.SignatureVersion)
}

// signed is the text that SNS signs: names and values, one a line, in this
// order (developer guide, "Verifying the signatures of Amazon SNS messages").
func (n *notification) signed() string {
	var b strings.Builder
	line := func(name, value string) { b.WriteString(name + "\n" + value + "\n") }
	line("Message", n.Message)
	line("MessageId", n.MessageId)
	if n.Subject != nil {
		line("Subject", *n.Subject)
	}
	line("Timestamp", n.Timestamp)
	line("TopicArn", n.TopicArn)
	line("Type", n.Type)
	return b.String()
}

// certPath is the only form such a path has.
var certPath = regexp.MustCompile(`^/SimpleNotificationService-[0-9a-f]{1,64}\.pem$`)

// checkCertURL accepts nothing but the certificate of the topic's own SNS.
func checkCertURL(raw string, t topic) *refusal {
	u, err := url.Parse(raw)
	// The comparison with the text itself leaves no room for a port, for
	// credentials, a query, a fragment, escapes or another spelling.
	if err != nil || !certPath.MatchString(u.Path) || raw != "https://"+t.host()+u.Path {
		return refusef(KindSignature, "the certificate's address %q is not one of %s", raw, t.host())
	}
	return nil
}

// hostNames are the names a signing certificate may have: SNS signs with one
// certificate for all regions, or with one of the region's.
func (t topic) hostNames() []string { return []string{"sns.amazonaws.com", t.host()} }
