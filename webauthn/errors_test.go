package webauthn

import (
	"errors"
	"fmt"
	"testing"
)

func TestError(t *testing.T) {
	cause := errors.New("cause")
	err := fmt.Errorf("finish: %w", &Error{Step: "7.2/6", Code: CodeUserHandleMissing, Err: cause})
	for _, c := range []struct {
		target error
		want   bool
	}{
		{&Error{Code: CodeUserHandleMissing}, true},
		{&Error{Step: "7.2/6"}, true},
		{&Error{Step: "7.2/6", Code: CodeUserHandleMissing}, true},
		{&Error{Step: "7.2/5", Code: CodeUserHandleMissing}, false},
		{&Error{Step: "7.2/6", Code: CodeUserHandleMismatch}, false},
		{&Error{}, false},
		{cause, true},
		{errors.New("another"), false},
	} {
		if got := errors.Is(err, c.target); got != c.want {
			t.Errorf("%v: got %v", c.target, got)
		}
	}
	for want, e := range map[string]*Error{
		"webauthn: 7.1/9: origin_not_allowed":        {Step: "7.1/9", Code: CodeOriginNotAllowed},
		"webauthn: 7.1/9: origin_not_allowed: cause": {Step: "7.1/9", Code: CodeOriginNotAllowed, Err: cause},
	} {
		if e.Error() != want {
			t.Errorf("got %q", e.Error())
		}
	}
}
