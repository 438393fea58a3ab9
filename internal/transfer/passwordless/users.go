package passwordless

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// User is what the user pool knows of somebody.
type User struct {
	Name  string
	Email string // claimed: that it was proved is what the pool says, and not we
}

// Users are people by their sub. They are held in memory, unlike what the table holds:
// some hundred bytes each.
type Users map[string]User

// named finds somebody by name; the zero User when nobody has it. Only a few people have
// handles of that form and an entry here under their name.
func (u Users) named(name string) User {
	return u[nameForm+name]
}

// ReadUsers reads what `aws cognito-idp list-users` prints: objects with a list Users, one
// or several.
func ReadUsers(from io.Reader) (Users, error) {
	users := Users{}
	for decoder := json.NewDecoder(from); ; {
		var page struct {
			Users []struct {
				Username   string
				Attributes []struct{ Name, Value string }
			}
		}
		err := decoder.Decode(&page)
		if errors.Is(err, io.EOF) {
			return users, nil
		}
		if err != nil {
			return nil, fmt.Errorf("passwordless: the list of users cannot be read: %w", err)
		}
		for _, u := range page.Users {
			user, sub := User{Name: u.Username}, ""
			for _, a := range u.Attributes {
				switch a.Name {
				case "sub":
					sub = a.Value
				case "email":
					user.Email = a.Value
				}
			}
			if sub != "" {
				users[sub] = user
			}
			users[nameForm+u.Username] = user
		}
	}
}
