package bot
import ("testing";"context";"log/slog";"os";"time"
"github.com/securitybot/securitybot/bot/config"
"github.com/securitybot/securitybot/findings/policy"
"github.com/securitybot/securitybot/findings/enrich"
)
func TestZZStart(t *testing.T){
 for k,v := range map[string]string{"BENCH_APP":"xapp-1-A0BENCH-bench","BENCH_BOT":"xoxb-bench","BENCH_KEY":"0123456789abcdef0123456789abcdef","AWS_ENDPOINT_URL_SQS":"http://127.0.0.1:1"} { os.Setenv(k,v) }
 raw,_ := os.ReadFile("../internal/bench/securitybot.yaml")
 s := os.Expand(string(raw), func(n string) string { return map[string]string{"SLACK":"http://127.0.0.1:1/api/","PAGER":"http://127.0.0.1:1","QUEUE":"http://127.0.0.1:1/q/findings","REDIS":"127.0.0.1:1","RATE":"10000"}[n]+ map[bool]string{true:"${"+n+"}"}[len(n)>5&&n[:4]=="env:"] })
 f := t.TempDir()+"/c.yaml"; os.WriteFile(f,[]byte(s),0o600)
 for range 3 {
 at := time.Now()
 lap := func(w string){ t.Log(w, time.Since(at)); at=time.Now() }
 cfg,err := config.Load(f); if err!=nil {t.Fatal(err)}
 lap("load")
 if _,err:=policy.Default();err!=nil{t.Fatal(err)}
 lap("policy")
 if _,err:=enrich.New(cfg.Enrich);err!=nil{t.Fatal(err)}
 lap("enrich")
 queuesOf(context.Background(),cfg)
 lap("queues")
 d,err := Parts(context.Background(),cfg,slog.Default()); if err!=nil {t.Fatal(err)}
 lap("parts")
 _=d
 }
}
