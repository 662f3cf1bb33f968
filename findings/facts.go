package findings

// Employee is the person behind a principal, as far as it is known. The
// session name of a role is chosen by whoever assumed it, so a match is a hint
// about whom to ask, never proof of who it was.
type Employee struct {
	Known     bool     `json:"known"`
	Email     string   `json:"email,omitempty"`
	ChatID    string   `json:"chat_id,omitempty"` // chat user id, when configured
	Name      string   `json:"name,omitempty"`    // given name for the greeting
	Why       string   `json:"why,omitempty"`     // plain words: how we got from the principal to the person
	DeviceIPs []string `json:"device_ips,omitempty"`
}

// Owner is who answers for a resource and where to tell them. Channel or
// ChatID or Email is set; the catch-all of the configuration guarantees it.
type Owner struct {
	Team    string `json:"team,omitempty"`
	Channel string `json:"channel,omitempty"` // chat channel id
	ChatID  string `json:"chat_id,omitempty"` // chat user id
	Email   string `json:"email,omitempty"`
	Why     string `json:"why"`             // plain words: "tag owner=payments", "account 1111… belongs to payments"
	Catch   bool   `json:"catch,omitempty"` // nobody was found: this is the catch-all
}
