package portique

import "unicode"

// SIREN is the number of a French company: nine digits whose Luhn sum is a
// multiple of ten (INSEE). Only ParseSIREN makes one from what people type.
type SIREN string

// ParseSIREN reads a SIREN typed or pasted in any form: spaces of every kind,
// invisible characters, dots and dashes are ignored, full-width digits are read as digits, and a
// SIRET (fourteen digits) is cut to its SIREN. The error is for the field
// "siren".
func ParseSIREN(typed string) (SIREN, error) {
	if len(typed) > 200 {
		return "", invalid("siren", "siren.length", "Digits", "")
	}
	digits := make([]byte, 0, 14)
	for _, r := range typed {
		switch {
		case r >= '0' && r <= '9':
			digits = append(digits, byte(r))
		case r >= '０' && r <= '９':
			digits = append(digits, byte(r-'０')+'0')
		case unicode.IsSpace(r), r == '.', unicode.Is(unicode.Pd, r), unicode.Is(unicode.Cf, r):
		default:
			return "", invalid("siren", "siren.characters")
		}
	}
	switch len(digits) {
	case 0:
		return "", invalid("siren", "siren.missing")
	case 9:
	case 14:
		digits = digits[:9] // the establishment does not matter, so neither does its key
	default:
		return "", invalid("siren", "siren.length", "Digits", len(digits))
	}
	if !luhn(digits) {
		return "", invalid("siren", "siren.key")
	}
	return SIREN(digits), nil
}

// Grouped writes the number in groups of three, as people read it.
func (s SIREN) Grouped() string {
	if len(s) != 9 {
		return string(s)
	}
	return string(s[:3]) + "\u00a0" + string(s[3:6]) + "\u00a0" + string(s[6:])
}

func luhn(digits []byte) bool {
	sum := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}
