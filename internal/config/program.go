package config

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"

	"scrim/internal/ownfile"
)

// programFile is where the Infisical CLI keeps who is logged in, and where. The
// token itself is in a keyring.
const programFile = ".infisical/infisical-config.json"

// programSite returns the site that the Infisical CLI is logged in to, or why
// there is none to rely on.
func programSite(home string) (site, outcome string) {
	data, info, err := ownfile.Read(filepath.Join(home, filepath.FromSlash(programFile)))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", "is not there: nobody ran infisical login"
	case err != nil:
		return "", "is not used: ~/" + programFile + " cannot be read"
	case ownfile.ChangeableByOthers(info):
		return "", "is not used: others may change ~/" + programFile + ", which says where its token goes"
	}
	return parseProgramFile(data)
}

// parseProgramFile is programSite for the content of the file.
func parseProgramFile(data []byte) (site, outcome string) {
	var content struct {
		Email  string `json:"loggedInUserEmail"`
		Domain string `json:"LoggedInUserDomain"`
	}
	if json.Unmarshal(data, &content) != nil {
		return "", "is not used: ~/" + programFile + " is not what it was"
	}
	if content.Email == "" {
		return "", "is not there: nobody is logged in"
	}
	site, err := parseSite(content.Domain)
	if err != nil {
		return "", "is not used: ~/" + programFile + " does not say to which site it belongs"
	}
	return site, ""
}
