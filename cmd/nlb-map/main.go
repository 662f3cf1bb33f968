// Command nlb-map reads the ports behind network load balancers of one account
// and region into a DynamoDB table. It is a function of AWS Lambda: a state
// machine (deploy/terraform/nlb-map) calls it for each account and region, with an event
// such as {"account": "111122223333", "region": "eu-west-1"}.
//
// The bot does the same by itself; the function is for those who do not want it
// to read their accounts. Then nlb_map.every is 0s in the bot's configuration,
// and nlb_map.table names the table.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") == "" {
		fmt.Fprintln(os.Stderr, "nlb-map is a function of AWS Lambda; see deploy/terraform/nlb-map. To read the map by hand: securitybot nlb-map scan")
		os.Exit(2)
	}
	cfg, err := awsconfig.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Error("set up AWS", "error", err)
		os.Exit(1)
	}
	f, err := newFunction(os.LookupEnv, cfg, log)
	if err != nil {
		log.Error("the function's environment is wrong", "error", err)
		os.Exit(1)
	}
	lambda.Start(f.handle)
}
