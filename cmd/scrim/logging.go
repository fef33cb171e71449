package main

import (
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/lmittmann/tint"
	"github.com/mattn/go-isatty"

	"scrim/internal/config"
)

// newLog returns a log on w, which is stderr behind the redactor: colour on a
// terminal, plain text elsewhere, JSON where the configuration says so.
func newLog(w io.Writer, settings config.Log, getenv func(string) string) *slog.Logger {
	if settings.JSON {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: settings.Level}))
	}
	return slog.New(tint.NewTextHandler(w, &tint.Options{
		Level: settings.Level, TimeFormat: time.TimeOnly, NoColor: !colour(os.Stderr, getenv),
	}))
}

// colour reports whether f is a terminal that wants colour.
func colour(f *os.File, getenv func(string) string) bool {
	return getenv("NO_COLOR") == "" && getenv("TERM") != "dumb" && isTerminal(f)
}

func isTerminal(f *os.File) bool { return isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()) }
