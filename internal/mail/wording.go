package mail

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

//go:embed messages/*.json
var messages embed.FS

// english is the language of whoever speaks none of ours.
const english = "en"

// Languages are the languages of our mails.
func Languages() []string { return []string{english, "de"} }

// wording is every sentence of one language. {names} in braces are filled in by fill.
type wording struct {
	Facts struct {
		Person  string `json:"person"`
		Client  string `json:"client"`
		Network string `json:"network"`
		Time    string `json:"time"`
	} `json:"facts"`
	Client struct {
		Both    string `json:"both"`
		Unknown string `json:"unknown"`
	} `json:"client"`
	Roles  map[string]string `json:"roles"` // as the pages call them
	Time   string            `json:"time"`
	Months []string          `json:"months"`
	Life   struct {
		Minute  string `json:"minute"`
		Minutes string `json:"minutes"`
		Hours   string `json:"hours"`
		Days    string `json:"days"`
	} `json:"life"`
	Copy   string `json:"copy"`
	Footer string `json:"footer"`
	Links  struct {
		Terms   string `json:"terms"`
		Privacy string `json:"privacy"`
		Support string `json:"support"`
	} `json:"links"`
	Kinds  map[Kind]kindWording `json:"kinds"`
	Notice struct {
		Advice   string `json:"advice"`
		Stranger string `json:"stranger"`
		Codes    string `json:"codes"` // the recovery codes end with it
	} `json:"notice"`
	Notices map[string]noticeWording `json:"notices"`
}

// kindWording is what a kind of mail says; that of notices stands in noticeWording.
type kindWording struct {
	Subject string   `json:"subject"`
	Heading string   `json:"heading"`
	Intro   []string `json:"intro"`
	Ask     []string `json:"ask"` // between the facts and the button
	Button  string   `json:"button"`
	Notes   []string `json:"notes"`
}

// noticeWording is what the notice of one event says.
type noticeWording struct {
	Subject string `json:"subject"`
	Heading string `json:"heading"`
	Text    string `json:"text"`
	Named   string `json:"named"` // the same when the thing has a name; empty: it has none
	Undo    string `json:"undo"`  // what "this wasn't me" does
	// Held and HeldNamed are Text and Named of a passkey that must wait, Waits is what its
	// person can do meanwhile; empty: nothing of the kind waits.
	Held      string `json:"held"`
	HeldNamed string `json:"held_named"`
	Waits     string `json:"waits"`
	// Stranger: somebody else did it, and signing in does not help against it.
	Stranger bool `json:"stranger"`
}

// anyNotice is the notice of an event that has no words of its own.
const anyNotice = "other"

// readWording reads the sentences of every language.
func readWording() (map[string]wording, error) {
	all := map[string]wording{}
	for _, language := range Languages() {
		data, err := messages.ReadFile("messages/" + language + ".json")
		if err != nil {
			return nil, fmt.Errorf("mail: messages: %w", err)
		}
		var w wording
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&w); err != nil {
			return nil, fmt.Errorf("mail: messages/%s.json: %w", language, err)
		}
		all[language] = w
	}
	return all, nil
}

// notice is the words for an event, whatever it is.
func (w wording) notice(about string) noticeWording {
	if n, ok := w.Notices[about]; ok {
		return n
	}
	return w.Notices[anyNotice]
}

// client names a program in words.
func (w wording) client(agent string) string {
	program, system := agentInWords(agent)
	switch {
	case program == "" && system == "":
		return w.Client.Unknown
	case program == "" || system == "":
		return program + system
	}
	return fill(w.Client.Both, "program", program, "system", system)
}

// instant writes a time, in UTC: nobody knows where the mail is read.
func (w wording) instant(t time.Time) string {
	t = t.UTC()
	return fill(w.Time, "day", strconv.Itoa(t.Day()), "month", w.Months[t.Month()-1],
		"year", strconv.Itoa(t.Year()), "clock", t.Format("15:04"))
}

// life writes how long something lasts, in the unit that people would choose.
func (w wording) life(d time.Duration) string {
	count := func(sentence string, unit time.Duration) string {
		return fill(sentence, "n", strconv.Itoa(int(d.Round(unit)/unit)))
	}
	switch {
	case d < 90*time.Second:
		return w.Life.Minute
	case d < 100*time.Minute:
		return count(w.Life.Minutes, time.Minute)
	case d < 48*time.Hour:
		return count(w.Life.Hours, time.Hour)
	}
	return count(w.Life.Days, 24*time.Hour)
}

// fill puts values in the place of {names}. Nothing in a value is filled in turn.
func fill(sentence string, pairs ...string) string {
	args := make([]string, len(pairs))
	for i, text := range pairs {
		if i%2 == 0 {
			text = "{" + text + "}"
		}
		args[i] = text
	}
	return strings.NewReplacer(args...).Replace(sentence)
}
