package settings

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// App is a native app that may use the relying party's passkeys. It is written
// apple:TEAMID.bundle or android:package/SHA-256 of the signing certificate in hex;
// an Android app with several certificates stands there once for each.
type App struct {
	Platform    string // "apple" or "android"
	ID          string // TEAMID.bundle, or the package
	Certificate []byte // Android: SHA-256 of the signing certificate
}

// apple is an App ID: the ten characters of the team, and the bundle ID.
var (
	apple   = regexp.MustCompile(`^[A-Z0-9]{10}\.[A-Za-z0-9][A-Za-z0-9.-]{0,154}$`)
	android = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)+$`)
)

const appForm = "write apple:TEAMID.bundle or android:package/SHA-256 of the certificate in hex"

// ParseApp reads the written form.
func ParseApp(s string) (App, error) {
	platform, rest, _ := strings.Cut(s, ":")
	switch platform {
	case "apple":
		app := App{Platform: platform, ID: rest}
		return app, app.check()
	case "android":
		id, digest, _ := strings.Cut(rest, "/")
		certificate, err := hex.DecodeString(strings.ReplaceAll(digest, ":", ""))
		if err != nil {
			return App{}, fmt.Errorf("%q names no certificate; %s", s, appForm)
		}
		app := App{Platform: platform, ID: id, Certificate: certificate}
		return app, app.check()
	default:
		return App{}, fmt.Errorf("%q is no app; %s", s, appForm)
	}
}

func (a App) check() error {
	switch a.Platform {
	case "apple":
		if !apple.MatchString(a.ID) {
			return fmt.Errorf("%q is no App ID: ten characters of the team, a dot, and the bundle ID", a.ID)
		}
	case "android":
		if !android.MatchString(a.ID) {
			return fmt.Errorf("%q is no Android package", a.ID)
		}
		if len(a.Certificate) != 32 {
			return fmt.Errorf("the certificate digest of %s has %d bytes; a SHA-256 has 32", a.ID, len(a.Certificate))
		}
	default:
		return errors.New(appForm)
	}
	return nil
}

// String is the written form.
func (a App) String() string {
	if a.Platform != "android" {
		return a.Platform + ":" + a.ID
	}
	return a.Platform + ":" + a.ID + "/" + hex.EncodeToString(a.Certificate)
}

// Origin is the origin that an Android app's ceremonies carry; "" for Apple's, which
// carry the web site's.
func (a App) Origin() string {
	if a.Platform != "android" {
		return ""
	}
	return "android:apk-key-hash:" + base64.RawURLEncoding.EncodeToString(a.Certificate)
}

func apps(at func(*Settings) *[]App) field {
	return field{
		list: true,
		parse: func(s *Settings, v []string) error {
			list := make([]App, 0, len(v))
			var problems []error
			for _, one := range v {
				app, err := ParseApp(one)
				if err != nil {
					problems = append(problems, err)
					continue
				}
				list = append(list, app)
			}
			*at(s) = list
			return joined(problems)
		},
		show: func(s Settings) string { return shown(*at(&s)) },
		check: func(s Settings) error {
			var problems []error
			for _, app := range *at(&s) {
				if err := app.check(); err != nil {
					problems = append(problems, err)
				}
			}
			return joined(problems)
		},
	}
}
