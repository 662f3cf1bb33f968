package bot

import (
	"net/netip"
	"testing"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/lookup"
)

func TestWhichFindingsNameAnIndicator(t *testing.T) {
	t.Parallel()
	f := &findings.Finding{Domain: "Pool.Miner.Example.", Remote: []findings.Remote{{IP: netip.MustParseAddr("::ffff:203.0.113.8")}},
		Instance: findings.Instance{PublicIPs: []string{"198.51.100.17"}, PrivateIPs: []string{"10.0.1.17", "nonsense"}}}
	for text, want := range map[string]bool{"203.0.113.8": true, "198.51.100.17": true, "10.0.1.17": true, "203.0.113.80": false, "10.0.1.1": false,
		"pool.miner.example": true, "miner.example": true, "iner.example": false, "a.pool.miner.example": false, "example.com": false} {
		ind, err := lookup.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := names(f, ind); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}
