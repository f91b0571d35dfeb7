package portique

import "strings"

// deviceLetters are those of the codes that a device shows: no vowel, so that no
// word comes of them (RFC 8628 6.1).
const deviceLetters = "BCDFGHJKLMNPQRSTVWXZ"

const deviceCodeLength = 8

// NewDeviceCode draws a code for a person to type: 8 letters among 20 (34 bits).
func NewDeviceCode() string { return draw(deviceLetters, deviceCodeLength) }

// ParseDeviceCode reads a code in whatever form it was typed: letter case,
// spaces and dashes do not count. The error concerns the field user_code.
func ParseDeviceCode(typed string) (string, error) {
	code := CanonicalMemberCode(typed)
	switch {
	case code == "":
		return "", &Error{Kind: Invalid, Key: "device.code_missing", Field: "user_code"}
	case len(code) != deviceCodeLength || strings.Trim(code, deviceLetters) != "":
		return "", &Error{Kind: Invalid, Key: "device.code_form", Field: "user_code"}
	}
	return code, nil
}

// ShownDeviceCode is a code as a device shows it: in two groups.
func ShownDeviceCode(code string) string {
	return code[:deviceCodeLength/2] + "-" + code[deviceCodeLength/2:]
}

// ErrDeviceCode: no device waits for that code.
var ErrDeviceCode = &Error{Kind: Invalid, Key: "device.code_unknown", Field: "user_code"}
