package approval

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"scrim/internal/secret"
	"scrim/policy"
)

// Request is what an agent asks for. Command, Dir, Program, Purpose and Agent
// are untrusted text: names of files are of whoever made them.
type Request struct {
	Scope    secret.Scope
	Refs     []secret.Ref
	Delivery policy.Delivery
	Purpose  string
	Agent    string // what the client calls itself

	// What is to be run, where Delivery is DeliverRun.
	Command       []string
	Dir           string // absolute, links resolved
	Program       string // the file that Command[0] came to: absolute, links resolved
	ProgramSHA256 string // of that file, in hex
}

// Digest returns a SHA-256 over every field of r and of its scope, each with
// its length in front, so that no two requests share an encoding. Questions,
// answers and grants are bound to it.
func (r Request) Digest() [sha256.Size]byte {
	return r.digest("scrim request 2", r.Purpose)
}

// core is the Digest of everything but the purpose. Models reword their
// purpose when they call again, so whoever names a request id gets its answer
// as long as the rest is the same.
func (r Request) core() [sha256.Size]byte {
	return r.digest("scrim request 2 but for its purpose", "")
}

func (r Request) digest(domain, purpose string) [sha256.Size]byte {
	d := digester{sha256.New()}
	d.text(domain)
	d.scope(r.Scope)
	d.count(len(r.Refs))
	for _, ref := range r.Refs {
		d.text(ref.Environment())
		d.text(ref.Path())
		d.text(ref.Name())
	}
	d.text(string(r.Delivery))
	d.texts(r.Command)
	d.text(r.Dir)
	d.text(r.Program)
	d.text(r.ProgramSHA256)
	d.text(purpose)
	d.text(r.Agent)
	return [sha256.Size]byte(d.Sum(nil))
}

type digester struct{ hash.Hash }

func (d digester) scope(s secret.Scope) {
	d.text(s.Site)
	d.text(s.ProjectID)
	d.text(s.Environment)
	d.flag(s.Stated)
	d.text(s.Project)
	d.text(s.Path)
	d.text(s.VaultPath)
	d.texts(s.VaultEnvironments)
	d.text(s.StagingPath)
	d.text(s.SharedPath)
	d.flag(s.SharedStated)
}

func (d digester) texts(list []string) {
	d.count(len(list))
	for _, s := range list {
		d.text(s)
	}
}

func (d digester) text(s string) {
	d.count(len(s))
	_, _ = d.Write([]byte(s))
}

func (d digester) flag(set bool) {
	n := 0
	if set {
		n = 1
	}
	d.count(n)
}

func (d digester) count(n int) {
	_, _ = d.Write(binary.BigEndian.AppendUint64(nil, uint64(n))) //nolint:gosec // G115: a length is not negative
}
