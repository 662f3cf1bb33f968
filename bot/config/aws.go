package config

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

// AWS reads secrets from Secrets Manager and from the Parameter Store of
// Systems Manager.
type AWS struct {
	secrets    *secretsmanager.Client
	parameters *ssm.Client
}

// NewAWS returns a Remote that uses the region, credentials and endpoints of
// cfg. A secret or parameter named by ARN is read in the region of its ARN.
func NewAWS(cfg aws.Config) *AWS {
	return &AWS{secrets: secretsmanager.NewFromConfig(cfg), parameters: ssm.NewFromConfig(cfg)}
}

// Secret implements Remote. The role needs secretsmanager:GetSecretValue.
func (a *AWS) Secret(ctx context.Context, arn string) (string, error) {
	out, err := a.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &arn}, func(o *secretsmanager.Options) {
		o.Region = regionOf(arn, o.Region)
	})
	if err != nil {
		return "", fmt.Errorf("read from Secrets Manager: %w", err)
	}
	if out.SecretString == nil {
		return "", errors.New("the secret is binary; store it as text")
	}
	return *out.SecretString, nil
}

// Parameter implements Remote. The role needs ssm:GetParameter, and kms:Decrypt
// when the parameter has a key of its own.
func (a *AWS) Parameter(ctx context.Context, name string) (string, error) {
	out, err := a.parameters.GetParameter(ctx, &ssm.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)}, func(o *ssm.Options) {
		o.Region = regionOf(name, o.Region)
	})
	if err != nil {
		return "", fmt.Errorf("read from Parameter Store: %w", err)
	}
	if out.Parameter == nil {
		return "", errors.New("Parameter Store answered without a value")
	}
	return aws.ToString(out.Parameter.Value), nil
}

// regionOf is the region an ARN names, or otherwise.
func regionOf(arn, otherwise string) string {
	if parts := strings.SplitN(arn, ":", 5); len(parts) == 5 && parts[0] == "arn" && parts[3] != "" {
		return parts[3]
	}
	return otherwise
}
