package chat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/slack-go/slack"

	"github.com/securitybot/securitybot/internal/message"
)

// metadataType marks the messages of the bot; the payload carries the key.
const metadataType = "securitybot"

// Slack is the bot's side of one workspace. It is safe for concurrent use.
type Slack struct {
	cfg     Config
	api     *slack.Client
	via     *transport
	lanes   *lanes
	tiers   *tiers
	handler Handler
	log     *slog.Logger
	metrics *metrics
	look    RenderOptions
	cache   *lookups
	sup     supervisor

	mu   sync.RWMutex
	self identity
}

// identity is who Slack says the bot is.
type identity struct{ team, user, bot string }

// New checks the configuration and prepares the client; nothing is contacted
// before Run or the first call. The handler may be nil when Run is not used.
func New(cfg Config, h Handler, log *slog.Logger, reg prometheus.Registerer) (*Slack, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	m, err := newMetrics(reg, cfg.Connections)
	if err != nil {
		return nil, err
	}
	via := &transport{http: newHTTPClient(cfg.RequestTimeout), log: log, metrics: m}
	s := &Slack{
		cfg: cfg, via: via, lanes: newLanes(cfg), tiers: newTiers(cfg.Timing.MethodBurst), handler: h, log: log, metrics: m,
		look:  RenderOptions{LinkHosts: cfg.LinkHosts, own: newOwn(cfg.Own)},
		cache: newLookups(cfg.LookupTTL),
	}
	s.api = slack.New(cfg.BotToken, slack.OptionAPIURL(cfg.APIURL),
		slack.OptionAppLevelToken(cfg.AppToken), slack.OptionHTTPClient(via))
	s.lanes.depth = m.lane
	s.sup.init(s)
	return s, nil
}

// newHTTPClient never follows redirects: the Web API has none, and a token
// must not travel.
func newHTTPClient(timeout time.Duration) *http.Client {
	tr := http.DefaultTransport.(*http.Transport).Clone()
	tr.DialContext = (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}).DialContext
	tr.TLSHandshakeTimeout = 5 * time.Second
	tr.MaxIdleConnsPerHost = 64
	tr.IdleConnTimeout = 60 * time.Second
	return &http.Client{
		Transport:     tr,
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Team returns the id of the workspace, or "" until Slack has told.
func (s *Slack) Team() string { return s.whoami().team }

// BotUser returns the user id of the bot, or "" until Slack has told.
func (s *Slack) BotUser() string { return s.whoami().user }

func (s *Slack) whoami() identity {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.self
}

// identify asks Slack who the bot is and remembers it.
func (s *Slack) identify(ctx context.Context) error {
	resp, err := s.api.AuthTestContext(ctx)
	if err != nil {
		return s.failed("auth.test", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.self = identity{team: resp.TeamID, user: resp.UserID, bot: resp.BotID}
	return nil
}

// Wait blocks until the channel's lane and the workspace's bucket have a slot
// for one post, or ctx ends. Urgent callers go first. Every Post is preceded
// by a Wait of the caller, so that the lease of whoever waits can be managed
// there.
func (s *Slack) Wait(ctx context.Context, channel string, urgent bool) error {
	if err := s.lanes.wait(ctx, channel, urgent); err != nil {
		return fmt.Errorf("wait for a post slot: %w", err)
	}
	return nil
}

// Post posts a message, in a thread when thread is not empty. The key goes
// into the message's metadata, where Find finds it; anybody in the channel can
// read it, so it holds no secret. The act is never repeated here, with one
// exception: when Slack refuses the layout, the same content is sent once more
// as plain text.
func (s *Slack) Post(ctx context.Context, channel, thread string, m message.Message, key string) (Ref, error) {
	blocks, text := renderBlocks(m, s.look)
	opts := []slack.MsgOption{slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl()}
	if key != "" {
		opts = append(opts, slack.MsgOptionMetadata(slack.SlackMetadata{EventType: metadataType, EventPayload: map[string]any{"key": key}}))
	}
	if thread != "" {
		opts = append(opts, slack.MsgOptionTS(thread))
	}
	send := func(body ...slack.MsgOption) (Ref, error) {
		ch, ts, err := s.api.PostMessageContext(ctx, channel, append(body, opts...)...)
		if err == nil && ts == "" {
			err = &Error{Kind: Ambiguous, Code: "no_timestamp", Method: "chat.postMessage"}
		}
		return Ref{Channel: ch, TS: ts}, s.failed("chat.postMessage", err)
	}
	ref, err := s.withPlainFallback("chat.postMessage", m, func(plain string) (Ref, error) {
		if plain != "" {
			return send(slack.MsgOptionText(plain, false))
		}
		return send(slack.MsgOptionText(text, false), slack.MsgOptionBlocks(blocks...))
	})
	if err != nil {
		if e, ok := errors.AsType[*Error](err); ok && e.Kind == RateLimited {
			s.lanes.pause(channel, e.RetryAfter)
		}
		return Ref{}, err
	}
	return ref, nil
}

// Update replaces the content of a message of the bot. Its metadata stays.
// Repeating it is harmless.
func (s *Slack) Update(ctx context.Context, ref Ref, m message.Message) error {
	const method = "chat.update"
	blocks, text := renderBlocks(m, s.look)
	_, err := s.withPlainFallback(method, m, func(plain string) (Ref, error) {
		if err := s.tiers.wait(ctx, method); err != nil {
			return Ref{}, err
		}
		body := []slack.MsgOption{slack.MsgOptionText(text, false), slack.MsgOptionBlocks(blocks...)}
		if plain != "" {
			body = []slack.MsgOption{slack.MsgOptionText(plain, false), slack.MsgOptionBlocks()}
		}
		_, _, _, err := s.api.UpdateMessageContext(ctx, ref.Channel, ref.TS, body...)
		return Ref{}, s.failed(method, err)
	})
	return err
}

// Ephemeral shows a message to one person in a channel the person is in. Slack
// does not promise to deliver it, and keeps no copy.
func (s *Slack) Ephemeral(ctx context.Context, channel, user string, m message.Message) error {
	return s.ephemeral(ctx, channel, user, "", m)
}

func (s *Slack) ephemeral(ctx context.Context, channel, user, thread string, m message.Message) error {
	const method = "chat.postEphemeral"
	blocks, text := renderBlocks(m, s.look)
	_, err := s.withPlainFallback(method, m, func(plain string) (Ref, error) {
		if err := s.tiers.wait(ctx, method); err != nil {
			return Ref{}, err
		}
		body := []slack.MsgOption{slack.MsgOptionText(text, false), slack.MsgOptionBlocks(blocks...)}
		if plain != "" {
			body = []slack.MsgOption{slack.MsgOptionText(plain, false)}
		}
		if thread != "" {
			body = append(body, slack.MsgOptionTS(thread))
		}
		_, err := s.api.PostEphemeralContext(ctx, channel, user, body...)
		return Ref{}, s.failed(method, err)
	})
	return err
}

// OpenModal opens a dialog for whoever caused the trigger, which is good for
// 3 s and one use.
func (s *Slack) OpenModal(ctx context.Context, triggerID string, m message.Modal) error {
	const method = "views.open"
	if err := s.tiers.wait(ctx, method); err != nil {
		return err
	}
	_, err := s.api.OpenViewContext(ctx, triggerID, renderModal(m, s.look))
	return s.failed(method, err)
}

// withPlainFallback sends once as laid out and, only when Slack refuses the
// layout, once more as plain text.
func (s *Slack) withPlainFallback(method string, m message.Message, send func(plain string) (Ref, error)) (Ref, error) {
	ref, err := send("")
	if err == nil || !badBlocksCode(code(err)) {
		return ref, err
	}
	s.metrics.plain.WithLabelValues(method).Inc()
	s.log.Error("slack refused the layout of a message; sending it as plain text", "method", method, "code", code(err))
	return send(renderPlain(m, s.look))
}

// Find looks for a message of the bot with the key in its metadata: in the
// thread when thread is not empty, else in the channel, not older than since
// minus two minutes for clocks that disagree.
func (s *Slack) Find(ctx context.Context, channel, thread, key string, since time.Time) (Ref, bool, error) {
	oldest := strconv.FormatInt(max(0, since.Add(-2*time.Minute).Unix()), 10)
	cursor := ""
	for range 10 {
		msgs, next, err := s.page(ctx, channel, thread, oldest, cursor)
		if err != nil {
			return Ref{}, false, err
		}
		for i := range msgs {
			if s.ours(&msgs[i], key) {
				return Ref{Channel: channel, TS: msgs[i].Timestamp}, true, nil
			}
		}
		if next == "" || next == cursor {
			return Ref{}, false, nil
		}
		cursor = next
	}
	return Ref{}, false, &Error{Kind: Transient, Code: "too_many_messages", Method: "conversations.history"}
}

func (s *Slack) page(ctx context.Context, channel, thread, oldest, cursor string) ([]slack.Message, string, error) {
	if thread != "" {
		const method = "conversations.replies"
		if err := s.tiers.wait(ctx, method); err != nil {
			return nil, "", err
		}
		msgs, _, next, err := s.api.GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{
			ChannelID: channel, Timestamp: thread, Oldest: oldest, Cursor: cursor, Limit: 200, Inclusive: true, IncludeAllMetadata: true})
		return msgs, next, s.failed(method, err)
	}
	const method = "conversations.history"
	if err := s.tiers.wait(ctx, method); err != nil {
		return nil, "", err
	}
	resp, err := s.api.GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{
		ChannelID: channel, Oldest: oldest, Cursor: cursor, Limit: 200, Inclusive: true, IncludeAllMetadata: true})
	if err != nil {
		return nil, "", s.failed(method, err)
	}
	return resp.Messages, resp.ResponseMetaData.NextCursor, nil
}

// ours reports whether the message carries the key and is from the bot itself:
// any app can write metadata like ours.
func (s *Slack) ours(m *slack.Message, key string) bool {
	if m.Metadata.EventType != metadataType || m.Metadata.EventPayload["key"] != key {
		return false
	}
	me := s.whoami()
	return me.user == "" || m.User == me.user || (m.BotID != "" && m.BotID == me.bot)
}

// failed turns whatever the library returned into an *Error and pauses a
// method that was refused with 429.
func (s *Slack) failed(method string, err error) error {
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		// The library could not decode an accepted answer, or refused to send.
		e = &Error{Kind: Ambiguous, Code: "bad_answer", Method: method, cause: rootCause(err)}
		if errors.Is(err, slack.ErrParametersMissing) || errors.Is(err, slack.ErrBlockIDNotUnique) {
			e.Kind, e.Code = Permanent, "bad_request"
		}
	}
	if e.Kind == RateLimited && e.Code != "own_limit" && method != "chat.postMessage" {
		s.tiers.pause(method, e.RetryAfter)
	}
	return e
}
