package infisical

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-resty/resty/v2"

	"scrim/internal/secret"
)

// maxBody is the most that scrim reads of one answer.
const maxBody = 32 << 20

// wire sends requests to the site and to nowhere else.
type wire struct {
	site site
	base http.RoundTripper
	log  *slog.Logger
}

// request makes one request with client: by a function of the SDK, or plainly
// where the SDK cannot say what is meant.
type request func(client *resty.Client) error

// exchange lets run make its request, with the token where there is one, and
// returns the server's answer. Everything that run was told comes from there,
// so what run returns counts only where the exchange itself went well.
func (w *wire) exchange(ctx context.Context, what string, token secret.Value, run request) (reply, error) {
	x := &exchange{ctx: ctx, wire: w, what: what, token: token}
	client := resty.NewWithClient(&http.Client{Transport: x}).
		SetBaseURL(w.site.base()).
		SetHeader("Accept", "application/json").
		SetHeader("User-Agent", "scrim").
		SetLogger(silent{}).
		SetDisableWarn(true)
	err := run(client)
	switch {
	case x.err != nil:
		return reply{}, x.err
	case x.reply.status == 0:
		return reply{}, badResponse("no request was made")
	case err != nil && x.reply.status == http.StatusOK:
		return reply{}, badResponse("it cannot be decoded")
	default:
		return x.reply, nil
	}
}

// silent is the log of the SDK's HTTP library, which writes to stderr.
type silent struct{}

func (silent) Errorf(string, ...any) {}
func (silent) Warnf(string, ...any)  {}
func (silent) Debugf(string, ...any) {}

// exchange is the way to the network of one request, as the http.RoundTripper
// of a client that is made for it. The SDK's functions take no context, check
// no content type and drop fields; so the exchange holds the context, reads the
// answer in whole and keeps it, and hands the SDK a copy.
type exchange struct {
	ctx   context.Context
	wire  *wire
	what  string
	token secret.Value

	reply reply
	err   error
}

// RoundTrip answers req, or the error that becomes the call's.
func (x *exchange) RoundTrip(req *http.Request) (*http.Response, error) {
	x.reply, x.err = x.deliver(req)
	if x.err != nil {
		return nil, x.err
	}
	return x.reply.response(req), nil
}

// deliver sends req until there is an answer worth returning.
func (x *exchange) deliver(req *http.Request) (reply, error) {
	body, err := drain(req.Body)
	if err != nil {
		return reply{}, badResponse("the request cannot be read")
	}
	if !x.wire.site.owns(req.URL) {
		return reply{}, badResponse("the request is not for the site that the credentials belong to")
	}
	for attempt := 1; ; attempt++ {
		start := time.Now()
		r, err := x.try(req, body)
		x.record(attempt, time.Since(start), r, err)
		wait, again := x.again(req.Method, attempt, r, err)
		if !again {
			return r, err
		}
		if err := sleep(x.ctx, wait); err != nil {
			return reply{}, err
		}
	}
}

// try sends req once.
func (x *exchange) try(req *http.Request, body []byte) (reply, error) {
	out := req.Clone(x.ctx)
	out.Body, out.GetBody, out.ContentLength = http.NoBody, nil, int64(len(body))
	if len(body) > 0 {
		out.Body = io.NopCloser(bytes.NewReader(body))
	}
	if !x.token.IsZero() {
		out.Header.Set("Authorization", "Bearer "+x.token.Reveal())
	}
	res, err := x.wire.base.RoundTrip(out)
	if err != nil && x.ctx.Err() != nil {
		return reply{}, interrupted(x.ctx)
	}
	if err != nil {
		return reply{}, broken(err)
	}
	defer func() { _ = res.Body.Close() }()
	r, err := readReply(res, out.Header.Get("If-None-Match") != "")
	if err != nil && x.ctx.Err() != nil {
		return reply{}, interrupted(x.ctx)
	}
	return r, err
}

// record logs an attempt: never a URL, a header or a body.
func (x *exchange) record(attempt int, took time.Duration, r reply, err error) {
	attrs := []slog.Attr{
		slog.String("what", x.what),
		slog.Int("attempt", attempt),
		slog.Duration("took", took.Round(time.Millisecond)),
	}
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	} else {
		attrs = append(attrs, slog.Int("status", r.status))
	}
	x.wire.log.LogAttrs(x.ctx, slog.LevelDebug, "asked the store", attrs...)
}

// reply is a server's answer, read in whole: a 200 with JSON, a 304 that was
// asked for, or a refusal.
type reply struct {
	status     int
	etag       string
	json       bool
	body       []byte
	retryAfter time.Duration // of a 429 or 503
	date       time.Time     // by the server's clock; zero where it does not say
}

// readReply reads res and refuses what no Infisical server answers. asked is
// whether the request was conditional.
func readReply(res *http.Response, asked bool) (reply, error) {
	r := reply{status: res.StatusCode, etag: res.Header.Get("ETag"), json: isJSON(res.Header)}
	r.date, _ = http.ParseTime(res.Header.Get("Date"))
	switch {
	case r.status == http.StatusNotModified && asked:
		return r, nil
	case r.status == http.StatusNotModified:
		return reply{}, badResponse("it says that nothing has changed since it was never asked")
	case r.status >= 300 && r.status < 400:
		return reply{}, badResponse("refused to follow a redirect")
	case r.status < 200 || r.status > 200 && r.status < 300:
		return reply{}, badResponse(statusText(r.status))
	case r.status == http.StatusOK && !r.json:
		return reply{}, badResponse("it is not JSON, perhaps a page of a proxy")
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	switch {
	case err != nil:
		return reply{}, &brokenError{detail: "the connection broke off within the answer"}
	case len(body) > maxBody:
		return reply{}, badResponse("it is larger than 32 MiB")
	case !utf8.Valid(body) && r.status == http.StatusOK:
		return reply{}, badResponse("it is not UTF-8")
	}
	r.body, r.retryAfter = body, retryAfter(r.status, res.Header, time.Now())
	return r, nil
}

// refusesToken reports whether the store, and nothing between, refused the
// token itself. An expired one is a 403.
func (r reply) refusesToken() bool {
	if r.status != http.StatusUnauthorized && r.status != http.StatusForbidden {
		return false
	}
	return errors.Is(refusal(r, ""), secret.ErrUnauthenticated)
}

// response is r for the SDK, without the headers that its HTTP library acts on.
func (r reply) response(req *http.Request) *http.Response {
	header := http.Header{"Etag": {r.etag}}
	if r.json {
		header.Set("Content-Type", "application/json")
	}
	return &http.Response{
		StatusCode:    r.status,
		Status:        strconv.Itoa(r.status),
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        header,
		Body:          io.NopCloser(bytes.NewReader(r.body)),
		ContentLength: int64(len(r.body)),
		Request:       req,
	}
}

func isJSON(h http.Header) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && (kind == "application/json" || strings.HasSuffix(kind, "+json"))
}

func drain(body io.ReadCloser) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	data, err := io.ReadAll(body)
	return data, errors.Join(err, body.Close())
}
