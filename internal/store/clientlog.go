package store

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/redis/go-redis/v9"
)

// RouteClientLog sends what the Redis client library logs about itself (such
// as connections that failed) to log, as warnings. The library has one logger
// per process, which writes to stderr by itself; call this once, in main.
func RouteClientLog(log *slog.Logger) { redis.SetLogger(clientLog{log}) }

type clientLog struct{ log *slog.Logger }

// Printf is called by the library with formats that name addresses and
// errors, never keys or passwords.
func (c clientLog) Printf(ctx context.Context, format string, v ...any) {
	c.log.WarnContext(ctx, "redis client", "message", fmt.Sprintf(format, v...))
}
