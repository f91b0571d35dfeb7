package web

import (
	"errors"
	"net/http"

	"portique"
	"portique/internal/account"
	"portique/internal/session"
	"portique/internal/web/template"
)

func (v *visit) registerPage(code int, form template.Form, notice *template.Notice) error {
	page := template.RegisterPage{Page: v.page(), Form: form, PasswordPolicy: string(v.h.PasswordPolicy)}
	if notice != nil {
		page.Flash = notice
	}
	return v.render(code, template.Register(page))
}

var errSignUpOff = &portique.Error{Kind: portique.Forbidden, Key: "signup.off"}

func (v *visit) registerForm() error {
	if !v.h.SignUp {
		return errSignUpOff
	}
	return v.registerPage(http.StatusOK, template.Form{}, nil)
}

func (v *visit) register() error {
	if !v.h.SignUp {
		return errSignUpOff
	}
	cookie, err := v.h.Accounts.SignUp(v.r.Context(), v.actor(), account.Form{
		Email: v.form("email"), EmailConfirmation: v.form("email_confirmation"),
		Password: v.form("password"), PasswordConfirmation: v.form("password_confirmation"),
		FirstName: v.form("first_name"), LastName: v.form("last_name"),
		ContributionsOnly: v.checked("contributions_only"), Language: v.p.Lang(),
	})
	if err != nil {
		page := v.page()
		form := template.Form{Values: v.values("email", "email_confirmation", "first_name", "last_name", "contributions_only")}
		code, ok := v.refill(err, &form, &page)
		if !ok {
			return err
		}
		return v.registerPage(code, form, page.Flash)
	}
	v.h.Cookies.Set(v.w, session.SignUp, cookie, signUpCookieLife)
	return v.redirect("/register/sent")
}

// sentPage is "Validation de compte": where the letter went, and what to do
// when it does not come.
func (v *visit) sentPage(code int, signUp *portique.SignUp, form template.Form, notice *template.Notice) error {
	page := template.RegisterSentPage{Page: v.page(), Form: form, Email: signUp.Email, Meant: portique.MeantEmail(signUp.Email), MailboxURL: v.h.MailboxURL,
		CodeClosed: signUp.Tries >= portique.SignUpCodeTries}
	if at := signUp.LetterAt(); at.After(v.h.Now()) {
		page.LeavesAt = at
	}
	if notice != nil {
		page.Flash = notice
	}
	refused, err := v.h.Accounts.Undelivered(v.r.Context(), signUp)
	if err != nil {
		return err
	}
	if page.Undelivered = refused; refused && notice == nil {
		page.Flash = v.say(template.Bad, "auth.sent.undelivered", "Email", signUp.Email)
	}
	return v.render(code, template.RegisterSent(page))
}

// mySignUp finds the sign-up of this browser. Without one the reader is sent
// to the sign-up page, or to the congratulations when it is validated already.
func (v *visit) mySignUp() (signUp *portique.SignUp, answered bool, err error) {
	signUp, err = v.h.Accounts.Mine(v.r.Context(), v.h.Cookies.Read(v.r, session.SignUp))
	switch {
	case errors.Is(err, portique.ErrAlreadyValidated) && v.r.Method == http.MethodGet:
		return nil, true, v.redirect("/validated")
	case errors.Is(err, portique.ErrSignUpUnknown) && v.r.Method == http.MethodGet:
		v.tell("auth.flash.no_sign_up")
		return nil, true, v.redirect("/register")
	}
	return signUp, false, err
}

func (v *visit) registerSent() error {
	signUp, answered, err := v.mySignUp()
	if answered || err != nil {
		return err
	}
	return v.sentPage(http.StatusOK, signUp, template.Form{}, nil)
}

// sentRefused answers a refusal on the same page.
func (v *visit) sentRefused(err error, fields ...string) error {
	if errors.Is(err, portique.ErrAlreadyValidated) || errors.Is(err, portique.ErrSignUpUnknown) {
		page := template.ValidatePage{Page: v.page(), State: template.ValidateUsed}
		if errors.Is(err, portique.ErrSignUpUnknown) {
			page.State = template.ValidateUnknown
		}
		return v.render(http.StatusUnprocessableEntity, template.Validate(page))
	}
	page := v.page()
	form := template.Form{Values: v.values(fields...)}
	code, ok := v.refill(err, &form, &page)
	if !ok {
		return err
	}
	signUp, _, mineErr := v.mySignUp()
	if mineErr != nil {
		return err
	}
	return v.sentPage(code, signUp, form, page.Flash)
}

func (v *visit) registerResend() error {
	cookie := v.h.Cookies.Read(v.r, session.SignUp)
	if err := v.h.Accounts.Resend(v.r.Context(), v.actor(), cookie); err != nil {
		return v.sentRefused(err)
	}
	v.tellAddress("auth.flash.resent", cookie)
	return v.redirect("/register/sent")
}

func (v *visit) registerAddress() error {
	cookie := v.h.Cookies.Read(v.r, session.SignUp)
	if err := v.h.Accounts.CorrectAddress(v.r.Context(), v.actor(), cookie, v.form("email")); err != nil {
		return v.sentRefused(err, "email")
	}
	v.tellAddress("auth.flash.address", cookie)
	return v.redirect("/register/sent")
}

// tellAddress says that a letter has left; when it leaves later the page says so
// by itself.
func (v *visit) tellAddress(key, cookie string) {
	if signUp, err := v.h.Accounts.Mine(v.r.Context(), cookie); err == nil && !signUp.LetterAt().After(v.h.Now()) {
		v.tell(key, "Email", signUp.Email)
	}
}

func (v *visit) registerCode() error {
	cookie := v.h.Cookies.Read(v.r, session.SignUp)
	if err := v.h.Accounts.TypeCode(v.r.Context(), v.actor(), cookie, v.form("code")); err != nil {
		return v.sentRefused(err)
	}
	if signUp, _ := v.h.Accounts.Mine(v.r.Context(), cookie); signUp != nil { // validated, but still this browser's
		v.giveAddress(signUp.Email)
	}
	return v.redirect("/validated")
}
