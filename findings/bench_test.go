package findings

import (
	"os"
	"testing"
)

// BenchmarkParse measures the common path: a finding in an EventBridge event
// in an SNS notification. It reports findings a second on one core.
func BenchmarkParse(b *testing.B) {
	for _, name := range []string{"portprobe.sns.json", "portprobe.eventbridge.json", "portprobe.json"} {
		b.Run(name, func(b *testing.B) {
			body, err := os.ReadFile("testdata/" + name)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if items := Parse(body); items[0].Finding == nil {
					b.Fatal(items[0].Err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "findings/s")
		})
	}
}
