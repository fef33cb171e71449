package devstore

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"strings"
)

// SampleSeed returns the sample data of `scrim dev`: three projects and what
// they share, in dev and prod. Every value is random, anew at each call, or
// plainly made up.
func SampleSeed() Seed {
	return Seed{
		Environments: map[string]map[string]map[string]string{
			"dev":  sampleEnvironment("dev"),
			"prod": sampleEnvironment("prod"),
		},
		Imports: map[string]map[string][]string{
			"dev":  {"/gamma": {"/shared"}},
			"prod": {"/gamma": {"/shared"}},
		},
	}
}

func sampleEnvironment(env string) map[string]map[string]string {
	folders := map[string]map[string]string{
		"/alpha":       sampleAlpha(env),
		"/alpha/vault": sampleAlphaVault(env),
		"/beta":        sampleBeta(env),
		"/beta/vault": {
			"BACKUP_PASSPHRASE": samplePassphrase(),
			"REGISTRY_PASSWORD": sampleText(24),
		},
		"/gamma":       sampleGamma(env),
		"/gamma/vault": {},
		"/shared": {
			"DB_HOST":       "db." + env + ".internal.example.test",
			"SENTRY_DSN":    "https://" + sampleHex(16) + "@errors.example.test/42",
			"SLACK_WEBHOOK": "https://chat.example.test/hooks/" + sampleText(12) + "/" + sampleText(18),
		},
	}
	if env != "prod" {
		folders["/alpha/staging"] = map[string]string{
			"DATABASE_URL": sampleDatabase("alpha_staging", "staging-db.dev.internal.example.test"),
			"PAYMENTS_KEY": "made-up-payments-key-for-staging-" + sampleText(12),
		}
	}
	return folders
}

// sampleAlpha is a web shop.
func sampleAlpha(env string) map[string]string {
	return map[string]string{
		"ADMIN_EMAIL":     "ops@alpha.example.test",
		"DATABASE_URL":    sampleDatabase("alpha", "${"+env+".shared.DB_HOST}"),
		"FEATURE_FLAGS":   `{"new_checkout": true, "regions": ["eu", "us"]}`,
		"PAYMENTS_KEY":    "made-up-payments-key-" + env + "-" + sampleText(24),
		"PUBLIC_URL":      "https://alpha." + env + ".example.test",
		"REDIS_URL":       "redis://:" + sampleHex(12) + "@cache." + env + ".internal.example.test:6379/0",
		"SESSION_KEY":     sampleBase64(32),
		"TLS_PRIVATE_KEY": sampleKey(),
		"WEBHOOK_SECRET":  sampleHex(32),
		"WEBHOOK_URL":     "${PUBLIC_URL}/hooks/payments",
	}
}

func sampleAlphaVault(env string) map[string]string {
	return map[string]string{
		"DEPLOY_TOKEN":     "made-up-deploy-token-" + env + "-" + sampleText(24),
		"MFA_BACKUP_CODES": sampleHex(4) + "\n" + sampleHex(4) + "\n" + sampleHex(4) + "\n",
		"ROOT_DB_PASSWORD": samplePassphrase(),
		"SIGNING_KEY":      sampleKey(),
	}
}

// sampleBeta is a service that sends mail.
func sampleBeta(env string) map[string]string {
	return map[string]string{
		"DATABASE_URL":  sampleDatabase("beta", "${"+env+".shared.DB_HOST}"),
		"JWT_SECRET":    sampleBase64(48),
		"SENTRY_DSN":    "${" + env + ".shared.SENTRY_DSN}",
		"SMTP_PASSWORD": sampleText(20),
		"SMTP_USER":     "beta-mailer",
	}
}

// sampleGamma is a small job that imports what is shared.
func sampleGamma(env string) map[string]string {
	return map[string]string{
		"BUCKET":         "gamma-" + env + "-exports",
		"CRON_SECRET":    sampleHex(16),
		"ENCRYPTION_KEY": sampleBase64(32),
	}
}

func sampleDatabase(name, host string) string {
	return fmt.Sprintf("postgres://%s_app:%s@%s:5432/%s?sslmode=require", name, sampleHex(12), host, name)
}

// samplePassphrase returns words that a person could have chosen, and a number.
func samplePassphrase() string {
	words := strings.Fields("amber anchor basil birch canyon cedar comet copper delta ember falcon fjord garnet harbor iris " +
		"juniper kelp lagoon maple meadow nectar onyx otter pepper quartz raven saffron tundra umber velvet willow zephyr")
	picks := sampleBytes(5)
	return fmt.Sprintf("%s-%s-%s-%s-%d", words[picks[0]%32], words[picks[1]%32], words[picks[2]%32], words[picks[3]%32], picks[4])
}

// sampleKey returns a new private key as PEM.
func sampleKey() string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // the system's randomness does not fail
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err) // a key of this kind has a form
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func sampleBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // documented never to fail
	return b
}

func sampleHex(n int) string    { return hex.EncodeToString(sampleBytes(n)) }
func sampleBase64(n int) string { return base64.StdEncoding.EncodeToString(sampleBytes(n)) }

// sampleText returns n random lower-case letters and digits, 26 at most.
func sampleText(n int) string { return strings.ToLower(rand.Text()[:n]) }
