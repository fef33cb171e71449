package config

import (
	"log/slog"
)

// Log is how much scrim says on standard error, and in which form.
type Log struct {
	Level slog.Level
	JSON  bool
}

// ParseLog reads SCRIM_LOG and SCRIM_LOG_FORMAT. Without them, warnings and
// errors are logged as text.
func ParseLog(getenv func(string) string) (Log, error) {
	log := Log{Level: slog.LevelWarn}
	switch getenv("SCRIM_LOG") {
	case "debug":
		log.Level = slog.LevelDebug
	case "info":
		log.Level = slog.LevelInfo
	case "", "warn":
	default:
		return Log{}, &Error{"SCRIM_LOG", "no such level", "write debug, info or warn"}
	}
	switch getenv("SCRIM_LOG_FORMAT") {
	case "json":
		log.JSON = true
	case "", "text":
	default:
		return Log{}, &Error{"SCRIM_LOG_FORMAT", "no such format", "write json or text"}
	}
	return log, nil
}
