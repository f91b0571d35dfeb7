package web

import "portique"

// Who may call a route.
const (
	Anyone        = "anyone"
	Account       = "account"
	Member        = "member"
	Administrator = "administrator"
)

// Route is one line of the table below, which `portique routes` prints.
type Route struct {
	Host   portique.Door
	Method string
	Path   string
	Who    string
	Fields []string
	handle func(*visit) error
}

// Routes are the pages, in the order of the guide's journey.
func Routes() []Route {
	const portal, auth = portique.DoorPortal, portique.DoorAuth
	return []Route{
		{portal, "GET", "/{$}", Anyone, nil, (*visit).welcome},
		{portal, "GET", "/session/start", Anyone, nil, (*visit).startSession},

		{auth, "GET", "/{$}", Anyone, nil, (*visit).authHome},
		{auth, "GET", "/login", Anyone, nil, (*visit).loginForm},
		{auth, "POST", "/login", Anyone, []string{"email", "password", "authorization", "meant"}, (*visit).login},
		{auth, "GET", "/register", Anyone, nil, (*visit).registerForm},
		{auth, "POST", "/register", Anyone, registerFields, (*visit).register},
		{auth, "GET", "/register/sent", Anyone, nil, (*visit).registerSent},
		{auth, "POST", "/register/resend", Anyone, nil, (*visit).registerResend},
		{auth, "POST", "/register/code", Anyone, []string{"code"}, (*visit).registerCode},
		{auth, "POST", "/register/address", Anyone, []string{"email"}, (*visit).registerAddress},
		{auth, "GET", "/validate", Anyone, nil, (*visit).validateForm},
		{auth, "POST", "/validate", Anyone, []string{"token", "password"}, (*visit).validate},
		{auth, "POST", "/validate/not-me", Anyone, []string{"token", "code"}, (*visit).validateNotMe},
		{auth, "GET", "/validated", Anyone, nil, (*visit).validated},
		{auth, "GET", "/validate/not-me/done", Anyone, nil, (*visit).validateNotMeDone},
		{auth, "GET", "/password/forgot", Anyone, nil, (*visit).forgotForm},
		{auth, "POST", "/password/forgot", Anyone, []string{"email"}, (*visit).forgot},
		{auth, "GET", "/password/reset", Anyone, nil, (*visit).resetForm},
		{auth, "POST", "/password/reset", Anyone, resetFields, (*visit).reset},
		{auth, "GET", "/oauth/company", Account, nil, (*visit).chooseCompanyForm},
		{auth, "POST", "/oauth/company", Account, []string{"authorization", "access"}, (*visit).chooseCompany},
		{auth, "GET", "/oauth/consent", Account, nil, (*visit).consentForm},
		{auth, "POST", "/oauth/consent", Account, []string{"authorization"}, (*visit).consent},
		{auth, "GET", "/oauth/no-access", Account, nil, (*visit).noAccess},
		{auth, "GET", "/device", Anyone, nil, (*visit).deviceForm},
		{auth, "POST", "/device", Anyone, []string{"user_code"}, (*visit).device},
		{auth, "GET", "/device/confirm", Account, nil, (*visit).deviceConfirm},
		{auth, "GET", "/device/done", Anyone, nil, (*visit).deviceDone},
		{auth, "GET", "/signed-out", Anyone, nil, (*visit).signedOut},
		{auth, "GET", "/accessibility", Anyone, nil, (*visit).accessibility},
		{auth, "POST", "/language", Anyone, languageFields, (*visit).setLanguage},

		{portal, "GET", "/session/callback", Anyone, nil, (*visit).sessionCallback},
		{portal, "POST", "/session/keep", Anyone, nil, (*visit).keepSession},
		{portal, "POST", "/session/end", Anyone, nil, (*visit).endSession},
		{portal, "GET", "/companies/add", Account, nil, (*visit).companiesAddForm},
		{portal, "POST", "/companies/add", Account, []string{"siren", "member_code"}, (*visit).companiesAdd},
		{portal, "GET", "/companies/claim", Account, nil, (*visit).claimForm},
		{portal, "POST", "/companies/claim", Account, []string{"code"}, (*visit).claim},
		{portal, "GET", "/contest/done", Anyone, nil, (*visit).contestDone},
		{portal, "GET", "/contest/{token}", Anyone, nil, (*visit).contestForm},
		{portal, "POST", "/contest/{token}", Anyone, []string{"token", "code", "answer"}, (*visit).contest},
		{portal, "GET", "/companies/{siren}/activated", Member, nil, (*visit).activated},
		{portal, "POST", "/requests/{id}/remind", Account, nil, (*visit).remind},
		{portal, "GET", "/requests/{id}/cancel", Account, nil, (*visit).cancelConfirm},
		{portal, "POST", "/requests/{id}/cancel", Account, nil, (*visit).cancel},
		{portal, "POST", "/requests/{id}/again", Account, nil, (*visit).again},
		{portal, "GET", "/companies", Account, nil, (*visit).companies},
		{portal, "GET", "/companies/{siren}/users", Administrator, nil, (*visit).users},
		{portal, "POST", "/companies/{siren}/requests/{id}/accept", Administrator, []string{"role", "tool", "until"}, (*visit).accept},
		{portal, "POST", "/companies/{siren}/requests/{id}/refuse", Administrator, []string{"reason"}, (*visit).refuse},
		{portal, "GET", "/companies/{siren}/users/{id}/role", Administrator, nil, (*visit).ownRoleForm},
		{portal, "POST", "/companies/{siren}/users/{id}/role", Administrator, []string{"role", "tool", "until", "shown"}, (*visit).changeRole},
		{portal, "GET", "/companies/{siren}/users/{id}/remove", Administrator, nil, (*visit).removeConfirm},
		{portal, "POST", "/companies/{siren}/users/{id}/remove", Administrator, nil, (*visit).remove},
		{portal, "GET", "/account/consents", Account, nil, (*visit).consents},
		{portal, "POST", "/account/consents/{tool}/withdraw", Account, nil, (*visit).withdrawConsent},
		{portal, "GET", "/tools", Account, nil, (*visit).tools},
		{portal, "GET", "/accessibility", Anyone, nil, (*visit).accessibility},
		{portal, "POST", "/language", Anyone, languageFields, (*visit).setLanguage},
	}
}

var (
	registerFields = []string{"email", "email_confirmation", "password", "password_confirmation", "first_name", "last_name", "contributions_only"}
	resetFields    = []string{"token", "password", "password_confirmation", "first_name", "last_name", "contributions_only"}
	languageFields = []string{"language", "return"}
)
