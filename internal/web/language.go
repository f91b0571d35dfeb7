package web

import (
	"time"

	"portique"
)

const languageLife = 365 * 24 * time.Hour

// setLanguage remembers the reader's choice: in this browser, and with the
// account for letters and other browsers.
func (v *visit) setLanguage() error {
	language := v.form("language")
	if language != "fr" && language != "en" {
		return errBadForm
	}
	v.h.Cookies.Set(v.w, v.languageCookie(), language, languageLife)
	if v.current != nil {
		if err := v.h.Accounts.SetLanguage(v.r.Context(), v.current.Account.ID, language); err != nil {
			return err
		}
	}
	fallback := "/"
	if v.door == portique.DoorAuth {
		fallback = "/login"
	}
	return v.redirect(safeReturn(v.form("return"), fallback))
}
