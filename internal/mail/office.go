package mail

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store"
)

// UndoLife is how long "this was not me" can be said after a notice.
const UndoLife = 7 * 24 * time.Hour

// PurposeNotice is the purpose of the stored right that a notice gives.
const PurposeNotice = "notice"

// OfficeConfig is what an Office is made of. All fields are required.
type OfficeConfig struct {
	Vault *record.Vault
	Now   func() time.Time
	Rand  io.Reader
}

// Office makes the rows of mails that are owed. It writes nothing: whoever asked puts
// them into the store verb of their cause. It is safe for concurrent use if Rand is.
type Office struct{ cfg OfficeConfig }

// NewOffice makes an Office.
func NewOffice(cfg OfficeConfig) *Office { return &Office{cfg: cfg} }

// Owe makes the row of a mail, due at once. It draws the ID and sets Created; all else
// is the caller's. A repeat of the verb after ErrConflict needs a row of its own only if
// what it says has changed.
func (o *Office) Owe(f record.MailFacts) (store.Mail, error) {
	id, err := uuid.NewV7FromReader(o.cfg.Rand)
	if err != nil {
		return store.Mail{}, fmt.Errorf("mail: draw an ID: %w", err)
	}
	f.ID, f.Created = id, o.cfg.Now()
	row, err := o.cfg.Vault.SealMail(f)
	if err != nil {
		return store.Mail{}, fmt.Errorf("mail: seal: %w", err)
	}
	return row, nil
}

// Notice is something that happened to an account and that its person is told of.
type Notice struct {
	Account record.AccountFacts // as it is after what happened
	About   audit.Name
	// Subject is what the undo is about, for the program: a credential row's key, or a
	// canonical address. Name is the same for people: a passkey's name, an address.
	Subject []byte
	Name    string
	// HeldUntil is when the passkey may sign in, as its Way has it: Unix milliseconds; 0: at once.
	HeldUntil int64
	// CodesEnded: the recovery codes that were left end with it.
	CodesEnded bool
	// Undo gives the readers a way to say "this was not me".
	Undo bool
	// Also are addresses that are no longer, or not yet, the account's own.
	Also []string
	Door string // that the link will lead to
	By   audit.Caller
}

// Notify makes what a notice owes: one mail for each proved address of the account and
// each of Also, and, with Undo, the one stored right that all of them show. Nobody to
// write to is nothing owed, and no right.
func (o *Office) Notify(n Notice) (audit.Owed, error) {
	to := addressees(n.Account.Emails, n.Also)
	if len(to) == 0 {
		return audit.Owed{}, nil
	}
	facts := record.MailFacts{
		Kind: string(KindNotice), Language: n.By.Language, Account: n.Account.ID,
		Agent: audit.Agent(n.By.UserAgent), Door: n.Door,
		About: string(n.About), Subject: n.Name, CodesEnded: n.CodesEnded,
	}
	if n.HeldUntil != 0 {
		facts.HeldUntil = time.UnixMilli(n.HeldUntil).UTC()
	}
	if network := n.By.Network(); network.IsValid() {
		facts.Network = network.String()
	}
	var owed audit.Owed
	if n.Undo {
		right, row, err := o.right(n)
		if err != nil {
			return audit.Owed{}, err
		}
		owed.Tickets = []store.Ticket{row}
		facts.Right, facts.Expires = right.ID, right.Expires
	}
	for _, address := range to {
		facts.Address = address
		row, err := o.Owe(facts)
		if err != nil {
			return audit.Owed{}, err
		}
		owed.Mails = append(owed.Mails, row)
	}
	return owed, nil
}

// right makes the stored half of a notice's link: what saying no undoes.
func (o *Office) right(n Notice) (record.TicketFacts, store.Ticket, error) {
	now := o.cfg.Now()
	f := record.TicketFacts{
		Purpose: PurposeNotice, Account: n.Account.ID, Created: now, Expires: now.Add(UndoLife),
		About: string(n.About), Subject: n.Subject,
	}
	if _, err := io.ReadFull(o.cfg.Rand, f.ID[:]); err != nil {
		return record.TicketFacts{}, store.Ticket{}, fmt.Errorf("mail: draw a right: %w", err)
	}
	row, err := o.cfg.Vault.SealTicketRow(f)
	if err != nil {
		return record.TicketFacts{}, store.Ticket{}, fmt.Errorf("mail: seal a right: %w", err)
	}
	return f, row, nil
}

// addressees are the addresses of the lists, each once whatever the case of its ASCII
// letters. Nothing else is folded: whoever adds a look-alike of an address, which another
// mailbox may have, must not keep the news of it from its reader.
func addressees(lists ...[]string) []string {
	var out []string
	seen := map[string]bool{}
	for _, list := range lists {
		for _, address := range list {
			if folded := strings.Map(lowerASCII, address); address != "" && !seen[folded] {
				seen[folded] = true
				out = append(out, address)
			}
		}
	}
	return out
}

func lowerASCII(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r + ('a' - 'A')
	}
	return r
}
