package portique

import "testing"

func TestMeantEmail(t *testing.T) {
	for typed, meant := range map[string]string{
		"marie@gmial.com":         "marie@gmail.com", // two letters exchanged
		"marie@gmai.com":          "marie@gmail.com",
		"marie@gmail.con":         "marie@gmail.com",
		"marie@gmail.co":          "marie@gmail.com",
		"marie@gnail.com":         "marie@gmail.com",
		"marie@hotmal.fr":         "marie@hotmail.fr",
		"marie@hotnail.com":       "marie@hotmail.com",
		"marie@outlok.fr":         "marie@outlook.fr",
		"marie@ornage.fr":         "marie@orange.fr",
		"marie@wandoo.fr":         "marie@wanadoo.fr",
		"marie@la-poste.net":      "marie@laposte.net",
		"marie@feee.fr":           "marie@free.fr",
		"marie@yaho.fr":           "marie@yahoo.fr",
		"marie.le+paie@sfr.fe":    "marie.le+paie@sfr.fr",
		"marie@gmail.com":         "",
		"marie@ymail.com":         "", // known, though near another
		"marie@mail.com":          "",
		"marie@boutique.example":  "",
		"marie@duparc.fr":         "",
		"marie@cabinet-legoff.fr": "",
		"marie@opco.fr":           "",
		"marie@xn--caf-dma.fr":    "",
		"@gmial.com":              "",
		"marie":                   "",
		"":                        "",
	} {
		if got := MeantEmail(typed); got != meant {
			t.Errorf("%q: meant %q, want %q", typed, got, meant)
		}
	}
	for _, domain := range MailDomains {
		if got := MeantEmail("marie@" + domain); got != "" {
			t.Errorf("%s is taken for %s", domain, got)
		}
		if parsed, err := ParseEmail("", "marie@"+domain); err != nil || parsed != "marie@"+domain {
			t.Errorf("%s is not written as addresses are kept: %q, %v", domain, parsed, err)
		}
	}
}
