package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"portique"
	"portique/internal/session"
	"portique/internal/store"
	"portique/internal/web/template"
)

// authHome: the sign-in host has no page of its own at its root.
func (v *visit) authHome() error { return v.redirect(v.h.PortalURL + "/") }

// waiting returns the pending authorization that a page works for, or nil
// without one, or an error when it is stale.
func (v *visit) waiting(id string) (*store.Waiting, error) {
	if id == "" {
		return nil, nil
	}
	if len(id) > 200 {
		return nil, store.ErrNoAuthorization
	}
	return v.h.Sessions.Authorization(v.r.Context(), id, v.h.Cookies.Read(v.r, session.Browser))
}

// loginPage shows the sign-in form for an authorization, or for the portal.
func (v *visit) loginPage(code int, id string, waiting *store.Waiting, form template.Form, notice *template.Notice) error {
	page := template.LoginPage{Page: v.page(), Form: form, ForgotURL: "/password/forgot", NoSignUp: !v.h.SignUp}
	if notice != nil {
		page.Flash = notice
		if typed, err := portique.ParseEmail("email", form.Value("email")); err == nil && notice.Kind == template.Bad {
			page.Meant = portique.MeantEmail(typed) // whether or not either address has an account
		}
	}
	to := v.h.PortalURL
	if waiting != nil {
		page.Authorization = id
		if !waiting.Device { // whose answer stays here
			to = originOf(waiting.RedirectURI)
		}
		page.ToolName = waiting.Tool.NameIn(v.p.Lang())
		if form.Value("email") == "" && waiting.EmailHint != "" {
			page.Form.Values = map[string][]string{"email": {waiting.EmailHint}}
		}
	}
	if page.Form.Values == nil {
		page.Form.Values = v.addressTyped()
	}
	v.formTo = append(v.formTo, to)
	return v.render(code, template.Login(page))
}

func (v *visit) loginForm() error {
	id := v.r.URL.Query().Get("authorization")
	waiting, err := v.waiting(id)
	if errors.Is(err, store.ErrNoAuthorization) && v.current != nil {
		return v.redirect(v.h.PortalURL + "/session/start") // back from where the sign-in led to
	}
	if errors.Is(err, store.ErrNoAuthorization) {
		return v.loginPage(http.StatusOK, "", nil, template.Form{}, v.say(template.Info, "authorization.stale"))
	}
	if err != nil {
		return err
	}
	return v.loginPage(http.StatusOK, id, waiting, template.Form{}, nil)
}

func (v *visit) login() error {
	id := v.form("authorization")
	if len(id) > 200 {
		id = "stale" // no id of ours
	}
	if typed, err := portique.ParseEmail("email", v.form("email")); err == nil && v.form("meant") != "" && v.form("password") == "" {
		v.giveAddress(typed)
		v.tell("auth.flash.address_corrected")
		return v.redirect("/login?" + url.Values{"authorization": {id}}.Encode())
	}
	form := template.Form{Values: v.values("email")}
	// A field left empty is no guess: it counts nowhere and is told as what it is.
	if form.Errors = v.signInMissing(); len(form.Errors) > 0 {
		waiting, err := v.waiting(id)
		if errors.Is(err, store.ErrNoAuthorization) {
			return v.loginPage(http.StatusUnprocessableEntity, "", nil, form, v.say(template.Caution, "authorization.stale"))
		}
		if err != nil {
			return err
		}
		return v.loginPage(http.StatusUnprocessableEntity, id, waiting, form, nil)
	}
	in, err := v.h.Sessions.SignIn(v.r.Context(), v.actor(), session.SignInForm{
		Email: v.form("email"), Password: v.form("password"), Authorization: id,
		Browser: v.h.Cookies.Read(v.r, session.Browser), SignUp: v.h.Cookies.Read(v.r, session.SignUp),
		Known: v.h.Cookies.Read(v.r, session.Known), Former: v.h.Cookies.Read(v.r, session.Auth),
		UserAgent: v.r.UserAgent(), Language: v.p.Lang(),
	})
	switch {
	case errors.Is(err, store.ErrNoAuthorization):
		return v.loginPage(http.StatusUnprocessableEntity, "", nil, form, v.say(template.Caution, "authorization.stale"))
	case errors.Is(err, portique.ErrSignIn):
		waiting, stale := v.waiting(id)
		if stale != nil && !errors.Is(stale, store.ErrNoAuthorization) {
			return stale
		}
		return v.loginPage(http.StatusUnprocessableEntity, id, waiting, form, v.say(template.Bad, portique.ErrSignIn.Key))
	case portique.KindOf(err) == portique.TooSoon:
		return v.throttled(err, id)
	case err != nil:
		return err
	}
	if in.Cookie == "" {
		v.h.Cookies.Set(v.w, session.SignUp, in.SignUp, signUpCookieLife)
		v.tell("auth.flash.unvalidated")
		return v.redirect("/register/sent")
	}
	v.h.Cookies.Set(v.w, session.Auth, in.Cookie, 0)
	v.h.Cookies.Set(v.w, session.Known, in.Known, session.KnownLife)
	v.h.Cookies.Clear(v.w, session.SignUp)
	v.h.Cookies.Clear(v.w, session.Address)
	if id != "" {
		return v.redirect("/oauth/authorize/" + id)
	}
	return v.redirect(v.h.PortalURL + "/session/start")
}

// signInMissing are the faults of fields left empty.
func (v *visit) signInMissing() []template.FieldError {
	var faults portique.FieldErrors
	if strings.TrimSpace(v.form("email")) == "" {
		faults.Add("email", "email.missing")
	}
	if v.form("password") == "" {
		faults.Add("password", "password.missing")
	}
	fields, _ := v.formErrors(faults)
	return fields
}

// throttled says until when sign-ins wait, and the two ways in meanwhile. It is
// the same page for every address.
func (v *visit) throttled(err error, authorization string) error {
	page := template.ThrottledPage{Page: v.page(), Sentence: v.sentence(err), LoginURL: "/login", ForgotURL: "/password/forgot"}
	if authorization != "" {
		page.LoginURL += "?" + url.Values{"authorization": {authorization}}.Encode()
	}
	v.retryAfter(err)
	return v.render(http.StatusTooManyRequests, template.Throttled(page))
}

const signUpCookieLife = 24 * time.Hour
