package webauthn

import (
	"errors"

	"github.com/go-json-experiment/json/jsontext"
)

// maxExtensionOutputs caps the JSON text of clientExtensionResults.
const maxExtensionOutputs = 16 << 10

// extensionOutputs is what is kept of the client extension results. The outputs
// of prf are keys: they are checked for shape where they stand and not kept.
type extensionOutputs struct {
	discoverable *bool // credProps.rk
}

var errNotObject = errors.New("not an object")

// extensionFault is an output of the wrong shape, named by the extension.
func extensionFault(name string, err error) *Error {
	return refuse(CodeExtensionOutputMalformed, &memberError{name, err})
}

// parse reads clientExtensionResults: step 4 of either procedure. What was not
// asked for and what is not known is passed over (§9.2).
func (o *extensionOutputs) parse(v jsontext.Value, registration bool) *Error {
	switch {
	case len(v) > maxExtensionOutputs:
		return extensionFault("clientExtensionResults", errTooLong)
	case v.Kind() != '{':
		return extensionFault("clientExtensionResults", errNotObject)
	case len(v) == len("{}"):
		return nil
	}
	d, err := document(v.Clone(), maxBodyDepth)
	if err != nil {
		return extensionFault("clientExtensionResults", err)
	}
	name := "clientExtensionResults"
	err = object(d, func(n []byte) (err error) {
		name = string(n)
		switch name {
		case "credProps":
			o.discoverable, err = credProps(d)
		case "prf":
			err = prf(d, registration)
		case "largeBlob":
			err = largeBlob(d)
		case "appid", "appidExclude":
			_, err = boolean(d, name)
		default:
			err = skip(d)
		}
		return err
	})
	if err != nil {
		return extensionFault(name, err)
	}
	return nil
}

// credProps reads {rk?: boolean} (§10.1.3).
func credProps(d *jsontext.Decoder) (*bool, error) {
	var rk *bool
	err := object(d, func(name []byte) error {
		if string(name) != "rk" {
			return skip(d)
		}
		b, err := boolean(d, "rk")
		rk = &b
		return err
	})
	return rk, err
}

// prf checks {enabled?: boolean, results?: {first, second?}} (§10.1.4); enabled
// must stand in a registration's. The results are read past, not kept.
func prf(d *jsontext.Decoder, registration bool) error {
	enabled := false
	err := object(d, func(name []byte) (err error) {
		switch string(name) {
		case "enabled":
			enabled = true
			_, err = boolean(d, "enabled")
		case "results":
			first := false
			if err = object(d, func(name []byte) error {
				first = first || string(name) == "first"
				return skip(d)
			}); err == nil && !first {
				err = errMissing
			}
		default:
			err = skip(d)
		}
		return err
	})
	if err == nil && registration && !enabled {
		err = errMissing
	}
	return err
}

// largeBlob checks {supported?: boolean, blob?: base64url, written?: boolean} (§10.1.5).
func largeBlob(d *jsontext.Decoder) error {
	return object(d, func(name []byte) (err error) {
		switch string(name) {
		case "supported", "written":
			_, err = boolean(d, string(name))
		case "blob":
			var present bool
			var one arena
			if _, present, err = one.octets(d, "blob"); err == nil && !present {
				err = &memberError{"blob", errMissing}
			}
		default:
			err = skip(d)
		}
		return err
	})
}

// soundOutputs judges authenticator extension outputs: identifiers for keys (§9.3),
// and of the known extensions of CTAP 2.2 §12 the shape. What is not known may be
// anything; nothing here acts on any of it.
func soundOutputs(outputs map[any]any, registration bool) bool {
	for k, v := range outputs {
		name, ok := k.(string)
		if !ok {
			return false
		}
		switch name {
		case "credProtect":
			level, number := v.(uint64)
			ok = number && level >= 1 && level <= 3
		case "minPinLength":
			_, ok = v.(uint64)
		case "hmac-secret":
			if registration {
				_, ok = v.(bool)
			} else {
				_, ok = v.([]byte)
			}
		}
		if !ok {
			return false
		}
	}
	return true
}
