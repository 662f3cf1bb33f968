package awsfake

import (
	"maps"
	"net/http"
)

// protocol is how a service is spoken to.
type protocol int

const (
	ec2Query    protocol = iota // form in, XML out, EC2's own errors
	awsQuery                    // form in, XML out
	awsJSON10                   // X-Amz-Target, application/x-amz-json-1.0
	awsJSON11                   // X-Amz-Target, application/x-amz-json-1.1
	awsREST                     // the operation follows from method, path and query
	awsRESTJSON                 // the same, with JSON in and out
)

// service is one row of the table: what the signature's scope calls it.
type service struct {
	protocol protocol
	target   string // what precedes the operation in X-Amz-Target, with its dot
	xmlns    string // of answers in XML
	iam      string // what its actions begin with in policies; the scope's name when empty
	ops      map[string]operation
	// route names the operation of a REST request, "" for none.
	route func(*http.Request) string
}

// operation is one operation of a service.
type operation struct {
	write bool // it changes something (unless it is a dry run)
	// needs lists what a policy must allow; without it, the operation's own
	// name on whatever resource. It runs with the lock held and must not fail:
	// what is not there is simply not named.
	needs func(*Cloud, *request) []Need
	// run performs the call with the lock held. The result is what goes into
	// the answer: a struct to be written as XML or JSON, or a *Reply. An
	// *apiError is an answer of the service.
	run func(*Cloud, *request) (any, error)
}

// Reply is a complete answer, for REST.
type Reply struct {
	Status int // 200 when zero
	Header http.Header
	Body   []byte
}

// table lists the services by the name that is in a signature's scope.
func table() map[string]service {
	return map[string]service{
		"autoscaling":          asgService(),
		"cloudtrail":           trailService(),
		"dynamodb":             dynamoService(),
		"ec2":                  ec2Service(),
		"elasticloadbalancing": with(with(elbService(), elbTargets()), elbClassic()),
		"guardduty":            guarddutyService(),
		"iam":                  iamService(),
		"s3":                   s3Service(),
		"ssm":                  ssmService(),
		"sts":                  stsService(),
	}
}

// with adds operations that have a file of their own.
func with(s service, more map[string]operation) service {
	maps.Copy(s.ops, more)
	return s
}
