package template

import "testing"

func TestInitials(t *testing.T) {
	for name, want := range map[string]string{"Claire Martin-Duval": "CM", "Élodie": "É", "": "", "Jean de La Tour": "JT"} {
		if got := Initials(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
