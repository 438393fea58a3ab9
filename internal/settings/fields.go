package settings

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// field is how one setting is read from text, written back, and judged.
type field struct {
	list  bool                            // commas separate values
	parse func(*Settings, []string) error // one value, or the list's
	show  func(Settings) string           // "" means: not set
	check func(Settings) error            // of a value that is set
}

// split makes of one text what parse takes.
func split(row Setting, text string) []string {
	if !row.list {
		return []string{text}
	}
	parts := strings.Split(text, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

func text(at func(*Settings) *string, check func(string) error) field {
	return field{
		parse: func(s *Settings, v []string) error { *at(s) = v[0]; return nil },
		show:  func(s Settings) string { return *at(&s) },
		check: func(s Settings) error { return check(*at(&s)) },
	}
}

// choice is a text out of a closed set.
func choice(at func(*Settings) *string, values ...string) field {
	return text(at, func(v string) error {
		if !slices.Contains(values, v) {
			return fmt.Errorf("%q is not a choice; choose %s", v, alternatives(values))
		}
		return nil
	})
}

// chosen is a choice of which some are not there yet, each with what to do instead.
func chosen(at func(*Settings) *string, later map[string]string, values ...string) field {
	f := choice(at, values...)
	inner := f.check
	f.check = func(s Settings) error {
		if instead, known := later[*at(&s)]; known {
			return fmt.Errorf("%q is not in this version; %s", *at(&s), instead)
		}
		return inner(s)
	}
	return f
}

func texts(at func(*Settings) *[]string, check func(string) error) field {
	return field{
		list:  true,
		parse: func(s *Settings, v []string) error { *at(s) = slices.Clone(v); return nil },
		show:  func(s Settings) string { return strings.Join(*at(&s), ",") },
		check: func(s Settings) error {
			return each(*at(&s), check)
		},
	}
}

// each judges the elements of a list, which must differ.
func each(list []string, check func(string) error) error {
	var problems []error
	for i, v := range list {
		if slices.Contains(list[:i], v) {
			problems = append(problems, fmt.Errorf("%q stands there twice; name it once", v))
			continue
		}
		if err := check(v); err != nil {
			problems = append(problems, err)
		}
	}
	return joined(problems)
}

func number(at func(*Settings) *int, low, high int) field {
	return field{
		parse: func(s *Settings, v []string) error {
			n, err := strconv.Atoi(v[0])
			if err != nil || n == 0 {
				return fmt.Errorf("%q is not a whole number from %d to %d", v[0], low, high)
			}
			*at(s) = n
			return nil
		},
		show: func(s Settings) string {
			if *at(&s) == 0 {
				return ""
			}
			return strconv.Itoa(*at(&s))
		},
		check: func(s Settings) error {
			if n := *at(&s); n < low || n > high {
				return fmt.Errorf("%d is out of range; choose a whole number from %d to %d", n, low, high)
			}
			return nil
		},
	}
}

func decimal(at func(*Settings) *float64, low, high float64) field {
	return field{
		parse: func(s *Settings, v []string) error {
			n, err := strconv.ParseFloat(v[0], 64)
			if err != nil || n == 0 {
				return fmt.Errorf("%q is not a number from %g to %g", v[0], low, high)
			}
			*at(s) = n
			return nil
		},
		show: func(s Settings) string {
			if *at(&s) == 0 {
				return ""
			}
			return strconv.FormatFloat(*at(&s), 'g', -1, 64)
		},
		check: func(s Settings) error {
			if n := *at(&s); !(n >= low && n <= high) { // NaN is neither
				return fmt.Errorf("%g is out of range; choose a number from %g to %g", n, low, high)
			}
			return nil
		},
	}
}

// prefixes is a list of networks; an address alone is the network of itself.
func prefixes(at func(*Settings) *[]netip.Prefix, check func(netip.Prefix) error) field {
	return field{
		list: true,
		parse: func(s *Settings, v []string) error {
			list := make([]netip.Prefix, 0, len(v))
			for _, one := range v {
				prefix, err := netip.ParsePrefix(one)
				if addr, e := netip.ParseAddr(one); e == nil {
					prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
				}
				if err != nil {
					return fmt.Errorf("%q is no network; write an address or a prefix such as 10.0.0.0/8", one)
				}
				list = append(list, prefix)
			}
			*at(s) = list
			return nil
		},
		show: func(s Settings) string { return shown(*at(&s)) },
		check: func(s Settings) error {
			var problems []error
			for _, prefix := range *at(&s) {
				if err := check(prefix); err != nil {
					problems = append(problems, err)
				}
			}
			return joined(problems)
		},
	}
}

func shown[T fmt.Stringer](list []T) string {
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = v.String()
	}
	return strings.Join(texts, ",")
}

// joined makes one sentence of several.
func joined(problems []error) error {
	if len(problems) == 0 {
		return nil
	}
	texts := make([]string, len(problems))
	for i, p := range problems {
		texts[i] = p.Error()
	}
	return errors.New(strings.Join(texts, "; "))
}

func alternatives(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	last := len(values) - 1
	return strings.Join(values[:last], ", ") + " or " + values[last]
}
