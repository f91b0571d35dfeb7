package portique_test

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"portique"
)

// refusal fails the test unless a parser's error is one of ours, which the doors can put in words.
func refusal(t *testing.T, err error, field string) {
	t.Helper()
	var e *portique.Error
	if !errors.As(err, &e) || e.Kind != portique.Invalid || e.Field != field || e.Key == "" {
		t.Fatalf("an error without words: %#v", err)
	}
}

// CLM-09: whatever is typed is one SIREN with a right key, the same when it is typed again in groups, or refused in words.
func FuzzParseSIREN(f *testing.F) {
	for _, typed := range []string{"552100554", "552 100 554", "552.100.554", "552\u00a0100\u202f554\t", "５５２１００５５４", "552 100 554 00025", "552–100—554", "\u200e552100554\u2028",
		"552100555", "", "٥٥٢١٠٠٥٥٤", "\xff552100554", "FR40552100554", strings.Repeat("5", 201)} {
		f.Add(typed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		siren, err := portique.ParseSIREN(typed)
		if err != nil {
			if siren != "" {
				t.Fatalf("%q: refused, and %q", typed, siren)
			}
			refusal(t, err, "siren")
			return
		}
		sum := 0
		for i, r := range siren {
			if r < '0' || r > '9' {
				t.Fatalf("%q became %q", typed, siren)
			}
			d := int(r-'0') * (1 + i%2)
			sum += d/10 + d%10
		}
		if len(siren) != 9 || sum%10 != 0 {
			t.Fatalf("%q became %q", typed, siren)
		}
		for _, again := range []string{string(siren), siren.Grouped(), string(siren) + "00012"} {
			if same, err := portique.ParseSIREN(again); same != siren || err != nil {
				t.Fatalf("%q became %q, and %q became %q, %v", typed, siren, again, same, err)
			}
		}
	})
}

// CLM-10: every way to type a code leads to one form, which leads to itself and holds nothing that is ignored.
func FuzzCanonicalMemberCode(f *testing.F) {
	for _, typed := range []string{"K7QM2ZT9AB", "k7qm-2zt9 ab", "１２３４５６７８", "ｋ７ｑｍ", " - ", "é", "e\u0301", "ﬁx", "ß", "ı", "ͅ", "ŉ", "\xff", "\xf6\u02dd", "a\u02ddb", "a" + strings.Repeat("\u0345\u0301", 100), "½", "12\u200b34\u00ad56", "०१२"} {
		f.Add(typed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		code := portique.CanonicalMemberCode(typed)
		if again := portique.CanonicalMemberCode(code); again != code {
			t.Fatalf("%q became %q, then %q", typed, code, again)
		}
		if !utf8.ValidString(code) || strings.ContainsFunc(code, func(r rune) bool {
			return unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.M, r) || r >= 'a' && r <= 'z'
		}) {
			t.Fatalf("%q became %q", typed, code)
		}
		if spaced := portique.CanonicalMemberCode(" " + typed + "\u00a0-\u200b"); spaced != code {
			t.Fatalf("%q became %q, with spaces around it %q", typed, code, spaced)
		}
		if bits := portique.CodeBits("552100554", code); bits < 0 || code == "" && bits != 0 || bits > 6.1*float64(utf8.RuneCountInString(code)) {
			t.Fatalf("%q holds %f bits", code, bits)
		}
	})
}

// What is taken for an address is one address that any mail server reads the same way, and stays what it is when parsed again.
func FuzzParseEmail(f *testing.F) {
	for _, typed := range []string{"marie@boutique.example", " Marie.K@Boutique.EXAMPLE ", "marie@épicerie.example", "a@b@c.example", "\"a b\"@x.example", "a@x.example\r\nBcc: b@y.example",
		"<a@x.example>", "a@[127.0.0.1]", "a@1.2.3.4", "a@xn--picerie-9ua.example", "ａ@x.example", "a@x。example", "a@x.example.", "a,b@x.example", "a@x_y.example", "a@x.example\x00",
		strings.Repeat("a", 64) + "@" + strings.Repeat("b.", 90) + "example", "a@faß.example", "a@\u200dx.example", "a@İ.example"} {
		f.Add(typed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		email, err := portique.ParseEmail("email", typed)
		if err != nil {
			if email != "" {
				t.Fatalf("%q: refused, and %q", typed, email)
			}
			refusal(t, err, "email")
			return
		}
		if again, err := portique.ParseEmail("email", email); again != email || err != nil {
			t.Fatalf("%q became %q, then %q, %v", typed, email, again, err)
		}
		local, domain, _ := strings.Cut(email, "@")
		if len(email) > 254 || len(local) > 64 || strings.Contains(domain, "@") || !strings.Contains(domain, ".") || strings.ContainsFunc(email, func(r rune) bool {
			return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"(),:;<>[\\]", r) || unicode.IsUpper(r)
		}) {
			t.Fatalf("%q became %q", typed, email)
		}
	})
}
