package lookup

import (
	"regexp"
	"strings"
)

// things people paste where an indicator is expected, and what to say then.
func notAnIndicator(s string) string {
	switch {
	case strings.ContainsRune(s, 0):
		return "There is an invisible character in it; type the address or name by hand."
	case hashForm.MatchString(s):
		return "That is a file hash, not an IP address or a domain name; hashes are not looked up."
	case instanceForm.MatchString(s):
		return "That is an EC2 instance id, not an IP address or a domain name."
	case strings.HasPrefix(s, "arn:"):
		return "That is an AWS resource name (ARN), not an IP address or a domain name."
	case keyForm.MatchString(s):
		return "That is an AWS access key id, not an IP address or a domain name."
	case accountForm.MatchString(s):
		return "That is an AWS account number, not an IP address or a domain name."
	case strings.HasPrefix(s, "-"):
		return "That looks like an option; none is known here."
	}
	return ""
}

var (
	hashForm     = regexp.MustCompile(`^(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}|[0-9a-fA-F]{128})$`)
	instanceForm = regexp.MustCompile(`^i-[0-9a-fA-F]{3,17}\b[^.]*$`)
	keyForm      = regexp.MustCompile(`^A(?:KIA|SIA|ROA|IDA)[A-Z0-9]{8,}$`)
	accountForm  = regexp.MustCompile(`^[0-9]{12}$`)
)
