package config

import (
	"errors"
	"regexp"
)

// policyID is the id of an escalation policy, as in the address of its page.
var policyID = regexp.MustCompile(`^P[A-Z0-9]{5,24}$`)

// OnCallKnown says whether PagerDuty can be asked who is on call.
func (p PagerDuty) OnCallKnown() bool { return p.APIToken.Configured() }

// checkOnCall checks how PagerDuty is asked who is on call. All of it may be
// left out; pages need none of it.
func (d *document) checkOnCall(p PagerDuty) {
	d.endpoint("pagerduty.api_url", p.APIURL)
	d.each("pagerduty.escalation_policies", p.EscalationPolicies, policyID, "the id of an escalation policy, such as P7IM0YA, from the address of its page")
	if !p.APIToken.Configured() {
		if len(p.EscalationPolicies) > 0 && !d.set("pagerduty.api_token") {
			d.wrong("pagerduty.escalation_policies", "pagerduty.escalation_policies without pagerduty.api_token; give both or none")
		}
		return
	}
	d.apiToken(p)
	if len(p.EscalationPolicies) == 0 && !d.failed("pagerduty.escalation_policies") {
		d.warn("pagerduty.api_token", "no pagerduty.escalation_policies: everybody on call for anything is listed; name the policies of the security team")
	}
}

// apiToken refuses the usual mistakes: a Slack token, and the key that pages
// are sent with, which the REST API does not take.
func (d *document) apiToken(p PagerDuty) {
	s, routing := p.APIToken, []Secret{p.RoutingKey, p.FallbackRoutingKey}
	s.held().validate = func(value string) error {
		if tokenShape.MatchString(value) {
			return errors.New("the reference holds a Slack token, not an API key of PagerDuty")
		}
		for _, r := range routing {
			if value != "" && value == r.Reveal() {
				return errors.New("the reference holds the routing key; make a read-only REST API key in PagerDuty")
			}
		}
		return nil
	}
	d.validate(s)
}
