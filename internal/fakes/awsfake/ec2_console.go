package awsfake

import (
	"encoding/base64"
	"time"
)

// maxConsole is how much of the end of the console's output AWS keeps, in bytes
// (EC2 user guide, "Instance console output").
const maxConsole = 64 << 10

func ec2Console() map[string]operation {
	return map[string]operation{"GetConsoleOutput": {run: getConsoleOutput, needs: needsInstance("GetConsoleOutput")}}
}

// getConsoleOutput shows the console. The latest output is to be had of Nitro
// instances only (EC2 API reference, GetConsoleOutput).
func getConsoleOutput(c *Cloud, r *request) (any, error) {
	i, err := r.ec2(c).live(r)
	if err != nil {
		return nil, err
	}
	if i.Xen && r.str("Latest") == "true" {
		return nil, refuse("UnsupportedOperation", "This instance type does not support retrieving the latest console logs.")
	}
	text := i.Console[max(0, len(i.Console)-maxConsole):]
	return struct {
		ID     string    `xml:"instanceId"`
		At     time.Time `xml:"timestamp"`
		Output string    `xml:"output,omitempty"`
	}{i.ID, c.now().UTC().Truncate(time.Second), base64.StdEncoding.EncodeToString([]byte(text))}, nil
}

// wireMetadata is how the metadata service of an instance is set.
type wireMetadata struct {
	State    string `xml:"state"`
	Tokens   string `xml:"httpTokens"`
	Hops     int    `xml:"httpPutResponseHopLimit"`
	Endpoint string `xml:"httpEndpoint"`
}
