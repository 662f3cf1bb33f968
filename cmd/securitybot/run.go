package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/spf13/cobra"

	"github.com/securitybot/securitybot/bot"
	"github.com/securitybot/securitybot/bot/config"
)

func (c *cli) runCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "run the bot until it is told to stop",
		Long: `Runs the bot. A configuration that check refuses is refused here too, before
anything is received. SIGTERM or SIGINT stops it in order: nothing new is taken,
what is under way is finished or handed back. A second signal ends it at once;
that is always safe.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd.Context(), path) },
	}
	configFlag(cmd, &path)
	return cmd
}

func (c *cli) run(ctx context.Context, path string) error {
	cfg, err := c.load(path)
	if err != nil {
		return err
	}
	log := newLogger(c.errs, cfg.Log)
	for _, w := range cfg.Warnings {
		log.Warn("configuration", "at", fmt.Sprintf("%s:%d:%d", w.File, w.Line, w.Col), "warning", w.Msg)
	}
	if err := fetchSecrets(ctx, cfg); err != nil {
		return negative(err)
	}
	if err := bot.Run(ctx, cfg, log, thisBuild().Version); err != nil {
		return negative(err)
	}
	return nil
}

// fetchSecrets reads the secrets kept in AWS. Those named without a region are
// read in the region of the process, or else of the first queue.
func fetchSecrets(ctx context.Context, cfg *config.Config) error {
	if !cfg.NeedsFetch() {
		return nil
	}
	aws, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithDefaultRegion(cfg.SQS.Queues[0].Region))
	if err != nil {
		return fmt.Errorf("set up AWS to read secrets: %w", err)
	}
	return cfg.Fetch(ctx, config.NewAWS(aws))
}

// newLogger writes to w as the configuration says.
func newLogger(w io.Writer, cfg config.Log) *slog.Logger {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	options := &slog.HandlerOptions{Level: levels[cfg.Level]}
	if cfg.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
