package console

import (
	"encoding/json"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestParse(t *testing.T) {
	for message, want := range map[string]string{
		"":                     `[]`,
		"You're in":            `[{"t":"You're in"}]`,
		"Hello, {name}":        `[{"t":"Hello, "},{"a":"name"}]`,
		"{ name }":             `[{"a":"name"}]`,
		"It''s '{name}' # 'x'": `[{"t":"It's {name} # 'x'"}]`,
		"{n, plural, =0 {no} one {# key} other {'#'# keys}}":      `[{"p":"n","o":{"=0":[{"t":"no"}],"one":[{"n":true},{"t":" key"}],"other":[{"t":"#"},{"n":true},{"t":" keys"}]}}]`,
		"{who, select, her {she} other {{n, plural, other {#}}}}": `[{"s":"who","o":{"her":[{"t":"she"}],"other":[{"p":"n","o":{"other":[{"n":true}]}}]}}]`,
	} {
		parts, err := parse(message)
		if err != nil {
			t.Errorf("%q: %v", message, err)
			continue
		}
		got, err := json.Marshal(parts)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%q: %s, want %s", message, got, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, message := range []string{
		"{", "}", "{}", "{name", "{a b}", "{n, number}", "{n, date, short}", "{n, plural}", "{n, plural, other}",
		"{n, plural, one {x}}", "{n, plural, other {x}", "{n, plural, lots {x} other {y}}", "{n, plural, other {x} other {y}}",
		"{n, select, a {x}}", "{n, select, other {}", "x } y",
		strings.Repeat("{n, select, other {", 5) + "x" + strings.Repeat("}}", 5),
	} {
		if parts, err := parse(message); err == nil {
			t.Errorf("%q: %+v", message, parts)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("{n, plural, =0 {no} one {# key} other {'#'# keys}} it''s {name}")
	f.Fuzz(func(t *testing.T, message string) {
		parts, err := parse(message)
		if err != nil {
			return
		}
		if _, err := json.Marshal(parts); err != nil {
			t.Error(err)
		}
		for _, name := range arguments(parts) {
			if !strings.Contains(message, name) {
				t.Errorf("%q asks for %q", message, name)
			}
		}
	})
}

// Pages say what people do, not what the protocol does.
func TestLanguage(t *testing.T) {
	jargon := regexp.MustCompile(`(?i)credential|assertion|ceremony|webauthn|fido|authenticator|log ?in\b|!`)
	names, err := fs.Glob(builtIn, "messages/*.json")
	if err != nil || len(names) < 2 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		data, err := builtIn.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var texts map[string]string
		if err := json.Unmarshal(data, &texts); err != nil {
			t.Fatal(err)
		}
		for key, text := range texts {
			if found := jargon.FindString(text); found != "" {
				t.Errorf("%s: %s says %q", name, key, found)
			}
			if text == "" {
				t.Errorf("%s: %s is empty", name, key)
			}
		}
	}
}

func TestWording(t *testing.T) {
	file := func(text string) fs.FS { return fstest.MapFS{"en.json": {Data: []byte(text)}} }
	all, err := catalogs(file(`{"sign-in.continue": "Onward", "sign-in.heading": "Enter {name}"}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := fill(all["en"]["sign-in.heading"], map[string]string{"name": "x"}); got != "Enter x" {
		t.Errorf("heading %q", got)
	}
	if got := fill(all["de"]["sign-in.continue"], nil); got != "Weiter" {
		t.Errorf("German changed: %q", got)
	}
	for name, test := range map[string]struct{ text, want string }{
		"unknown key":      {`{"sign-in.nothing": "x"}`, `no sentence "sign-in.nothing"`},
		"lost placeholder": {`{"sign-in.heading": "Enter"}`, "keep [name]"},
		"new placeholder":  {`{"sign-in.continue": "On, {name}"}`, "keep []"},
		"not ICU":          {`{"sign-in.continue": "{"}`, "sign-in.continue"},
		"not JSON":         {`{`, "not a JSON object of texts"},
		"not texts":        {`{"sign-in.continue": 1}`, "not a JSON object of texts"},
	} {
		if _, err := catalogs(file(test.text)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = catalogs(file(`{"a": "x", "b": "y"}`))
	if err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("not every fault: %v", err)
	}
}

func TestFurtherLanguage(t *testing.T) {
	data, err := builtIn.ReadFile("messages/en.json")
	if err != nil {
		t.Fatal(err)
	}
	all, err := catalogs(fstest.MapFS{"ar.json": {Data: data}})
	if err != nil || len(all["ar"]) != len(all["en"]) {
		t.Errorf("%d sentences: %v", len(all["ar"]), err)
	}
	if _, err := catalogs(fstest.MapFS{"ar.json": {Data: []byte(`{"or": "أو"}`)}}); err == nil || !strings.Contains(err.Error(), "cancel is missing") {
		t.Errorf("an incomplete language: %v", err)
	}
	if _, err := catalogs(fstest.MapFS{"English.json": {Data: data}}); err == nil || !strings.Contains(err.Error(), "not named after a language") {
		t.Errorf("a file of no language: %v", err)
	}
}

func TestArguments(t *testing.T) {
	parts, err := parse("{b} {n, plural, one {{a}} other {{b}}} {s, select, other {#}}")
	if err != nil {
		t.Fatal(err)
	}
	if got := arguments(parts); !slices.Equal(got, []string{"a", "b", "n", "s"}) {
		t.Errorf("%v", got)
	}
}
