package e2e

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/webauthn"
)

// captured is what a browser answered to the server's options, and the server
// accepted.
type captured struct {
	Origin           string   `json:"origin"`
	RPID             string   `json:"rpId"`
	UserVerification string   `json:"userVerification"`
	Registration     ceremony `json:"registration"`
	Assertion        ceremony `json:"assertion"`
}

type ceremony struct {
	Challenge string          `json:"challenge"`
	Response  json.RawMessage `json:"response"`
}

// facts are what a relying party learnt.
type facts struct {
	CredentialID   string `json:"credential_id"`
	Format         string `json:"format"`
	SignCount      uint32 `json:"sign_count"`
	UserVerified   bool   `json:"user_verified"`
	BackupEligible bool   `json:"backup_eligible"`
	BackedUp       bool   `json:"backed_up"`
}

// bothCeremonies signs up and signs in through the API, as an app of its own would,
// and keeps what went over the wire.
const bothCeremonies = `(async () => {
	const post = async (path, body) => {
		const answer = await fetch(path, {
			method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body),
		});
		const text = await answer.text();
		if (!answer.ok) throw new Error(path + ': ' + answer.status + ' ' + text);
		return JSON.parse(text);
	};
	const begun = (await post('/v1/sign-up/passkey/options', {username: 'ana'})).publicKey;
	const created = (await navigator.credentials.create(
		{publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(begun)})).toJSON();
	await post('/v1/sign-up/passkey', {credential: created});
	const asked = (await post('/v1/sign-in/passkey/options', {username: 'ana'})).publicKey;
	const got = (await navigator.credentials.get(
		{publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked)})).toJSON();
	await post('/v1/sign-in/passkey', {credential: got});
	return JSON.stringify({
		origin: location.origin, rpId: asked.rpId, userVerification: asked.userVerification,
		registration: {challenge: begun.challenge, response: created},
		assertion: {challenge: asked.challenge, response: got},
	});
})()`

// TestIndependentVerifiers: what our server accepted, others accept, with the same
// facts. That they refuse what is wrong shows that they looked.
func TestIndependentVerifiers(t *testing.T) {
	t.Parallel()
	for tool, program := range map[string]string{"node": "verifiers/verify.mjs", "python": "verifiers/verify.py"} {
		for name, model := range map[string]webauthn.VirtualAuthenticatorOptions{
			"built in": builtIn(), "security key": securityKey(),
		} {
			t.Run(tool+"/"+name, func(t *testing.T) {
				t.Parallel()
				interpreter, err := findInterpreter(tool)
				need(t, tool, err)
				c := capture(t, model)
				want := facts{Format: "none", SignCount: 2, UserVerified: true}
				want.BackupEligible, want.BackedUp = model.DefaultBackupEligibility, model.DefaultBackupState
				want.CredentialID = member(t, c.Assertion.Response, "id").(string)

				got, err := verify(t, c, interpreter, program)
				if err != nil {
					t.Fatal(err)
				}
				if got != want {
					t.Errorf("learnt %+v, want %+v", got, want)
				}

				for fault, wrong := range map[string]captured{
					"registration to another challenge": {Registration: ceremony{Challenge: c.Assertion.Challenge}},
					"assertion to another challenge":    {Assertion: ceremony{Challenge: c.Registration.Challenge}},
					"another origin":                    {Origin: "http://localhost:1"},
					"another signature":                 {Assertion: ceremony{Response: otherSignature(t, c.Assertion.Response)}},
				} {
					if _, err := verify(t, merge(c, wrong), interpreter, program); err == nil {
						t.Errorf("accepts %s: its verdict is worth nothing", fault)
					}
				}
			})
		}
	}
}

func capture(t *testing.T, model webauthn.VirtualAuthenticatorOptions) captured {
	t.Helper()
	b := startBrowser(t, startServer(t).url)
	b.plugIn(model)
	b.open("/sign-up")
	var c captured
	if err := json.Unmarshal([]byte(eval[string](b, bothCeremonies)), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// findInterpreter looks for what runs a verifier, with the library that it needs.
func findInterpreter(tool string) (string, error) {
	if tool == "node" {
		if _, err := os.Stat("verifiers/node_modules"); err != nil {
			return "", errors.New("run npm ci in e2e/verifiers")
		}
		return exec.LookPath("node")
	}
	// Debian's package is for Debian's own python, which need not be first on the path.
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		version, err := exec.Command(python, "-c", "import fido2; print(fido2.__version__)").Output()
		if err == nil && strings.HasPrefix(string(version), "0.9.") {
			return python, nil
		}
	}
	return "", errors.New("install the Debian package python3-fido2 (0.9)")
}

// verify runs a verifier. Its refusal is an error with its reason.
func verify(t *testing.T, c captured, interpreter, program string) (facts, error) {
	t.Helper()
	given, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(interpreter, program)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(given), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return facts{}, fmt.Errorf("%s: %w: %s", program, err, &stderr)
	}
	var f facts
	if err := json.Unmarshal(stdout.Bytes(), &f); err != nil {
		t.Fatalf("%s printed %s: %v", program, &stdout, err)
	}
	return f, nil
}

// merge is c with what is given in over.
func merge(c, over captured) captured {
	c.Origin = cmp.Or(over.Origin, c.Origin)
	c.Registration.Challenge = cmp.Or(over.Registration.Challenge, c.Registration.Challenge)
	c.Assertion.Challenge = cmp.Or(over.Assertion.Challenge, c.Assertion.Challenge)
	if over.Assertion.Response != nil {
		c.Assertion.Response = over.Assertion.Response
	}
	return c
}

// otherSignature is the response with one bit of its signature changed: the last,
// where the encoding stays what it was.
func otherSignature(t *testing.T, response json.RawMessage) json.RawMessage {
	t.Helper()
	var tree map[string]any
	if err := json.Unmarshal(response, &tree); err != nil {
		t.Fatal(err)
	}
	inner := tree["response"].(map[string]any)
	signature, err := base64.RawURLEncoding.DecodeString(inner["signature"].(string))
	if err != nil {
		t.Fatal(err)
	}
	signature[len(signature)-1] ^= 1
	inner["signature"] = base64.RawURLEncoding.EncodeToString(signature)
	changed, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

func member(t *testing.T, object json.RawMessage, name string) any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(object, &m); err != nil {
		t.Fatal(err)
	}
	return m[name]
}
