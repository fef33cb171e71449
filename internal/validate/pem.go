package validate

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"slices"
	"strings"
)

// blocks returns the PEM blocks of a value that is to be PEM, or none: of one that
// is not whole, of armour that is no PEM, and of what only says where a key is.
func (s subject) blocks() []*pem.Block {
	text, ok := s.pemText()
	if !ok {
		return nil
	}
	var blocks []*pem.Block
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return blocks
		}
		blocks = append(blocks, block)
	}
}

// hasBadContent reports whether what a block holds is not what its label says. What
// a label that is not known here stands for is not known.
func hasBadContent(s subject) bool {
	return slices.ContainsFunc(s.blocks(), func(b *pem.Block) bool { return !hasGoodContent(b) })
}

func hasGoodContent(b *pem.Block) bool {
	if len(b.Headers) > 0 {
		return true // encrypted, the old way
	}
	switch b.Type {
	case "OPENSSH PRIVATE KEY":
		return bytes.HasPrefix(b.Bytes, []byte("openssh-key-v1\x00"))
	case "CERTIFICATE", "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST", "X509 CRL":
		return isSequence(b.Bytes, asn1.TagSequence, asn1.TagSequence, asn1.TagBitString)
	case "PUBLIC KEY":
		return isSequence(b.Bytes, asn1.TagSequence, asn1.TagBitString)
	case "ENCRYPTED PRIVATE KEY":
		return isSequence(b.Bytes, asn1.TagSequence, asn1.TagOctetString)
	case "PRIVATE KEY":
		_, err := x509.ParsePKCS8PrivateKey(b.Bytes)
		return isSequence(b.Bytes, asn1.TagInteger, asn1.TagSequence, asn1.TagOctetString) && isSound(err)
	case "RSA PRIVATE KEY":
		_, err := x509.ParsePKCS1PrivateKey(b.Bytes)
		return isSequence(b.Bytes, asn1.TagInteger, asn1.TagInteger, asn1.TagInteger) && isSound(err)
	case "EC PRIVATE KEY":
		_, err := x509.ParseECPrivateKey(b.Bytes)
		return isSequence(b.Bytes, asn1.TagInteger, asn1.TagOctetString) && isSound(err)
	default:
		return true
	}
}

// isSound reports whether a key is one, also where its algorithm or its curve is
// unknown to Go, or it is shorter than Go wants it.
func isSound(err error) bool {
	return err == nil || slices.ContainsFunc([]string{"unknown", "unsupported", "insecure"}, func(word string) bool { return strings.Contains(err.Error(), word) })
}

// isSequence reports whether data is one sequence in DER, and its first members
// have these tags.
func isSequence(data []byte, tags ...int) bool {
	var all asn1.RawValue
	rest, err := asn1.Unmarshal(data, &all)
	if err != nil || len(rest) > 0 || all.Tag != asn1.TagSequence || !all.IsCompound {
		return false
	}
	members := all.Bytes
	for _, tag := range tags {
		var member asn1.RawValue
		if members, err = asn1.Unmarshal(members, &member); err != nil || member.Class != asn1.ClassUniversal || member.Tag != tag {
			return false
		}
	}
	return true
}

func isPrivateKey(b *pem.Block) bool { return strings.HasSuffix(b.Type, "PRIVATE KEY") }
