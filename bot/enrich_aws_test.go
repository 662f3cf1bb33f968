package bot

import (
	"slices"
	"testing"

	"github.com/securitybot/securitybot/bot/config"
)

func TestOnlyAccountsOfTheConfigurationAreRead(t *testing.T) {
	t.Parallel()
	// Sessions that do not exist: whoever gets as far as them panics.
	if _, err := (readers{accounts: []string{"111122223333"}}).Reader(t.Context(), "777788889999", "eu-west-1"); err == nil {
		t.Error("an account that a finding names is read")
	}
	acting, m := config.AWSIR{Accounts: []string{"111122223333"}}, config.NLBMap{Accounts: []string{"444455556666"}}
	if got := readAccounts(acting, m); !slices.Equal(got, []string{"111122223333"}) {
		t.Errorf("without a region there is no map, but %v are read", got)
	}
	m.Regions = []string{"eu-west-1"}
	if got := readAccounts(acting, m); !slices.Equal(got, []string{"111122223333", "444455556666"}) {
		t.Errorf("%v are read", got)
	}
}
