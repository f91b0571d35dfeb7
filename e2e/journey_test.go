package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// The guide, from its first box to its last, and what the guide leaves silent. One function per chapter; each runs on both engines,
// against the built program. A person who knows the product and no Go should be able to read these pages.

// Chapter 1: create an account.
func TestSignUp(t *testing.T) {
	EachEngine(t, func(t *testing.T, app *App) {
		marie := app.Browser(t)
		marie.Open("/")
		marie.At("welcome")
		marie.Says("Vous avez déjà un identifiant à l'Opcommerce ?", "Se connecter aux Web Services", "Créer un compte")

		marie.Follow("Créer un compte")
		marie.At("register")
		marie.Says("Confirmer votre Email", "Confirmer le mot de passe", "Prénom", "Nom",
			"Je suis expert comptable et/ou je souhaite uniquement déclarer mes contributions formation",
			`Votre mot de passe doit contenir minimum 8 caractères : majuscules, minuscules, chiffres et caractères spéciaux (!@#$%^&*()_[]:;<>?~|}\,/-)`)

		// A slip comes back with the form filled, except for passwords.
		marie.Register(Marie, Fields{"password_confirmation": {"Autre!Mouton8"}})
		marie.At("register")
		marie.Answers(http.StatusUnprocessableEntity)
		if p := marie.Page(); p.Alert() == "" || p.Value("email") != Marie.Email || p.Value("first_name") != "Marie" || p.Value("password") != "" {
			t.Errorf("the refused form: alert %q, email %q, password %q", p.Alert(), p.Value("email"), p.Value("password"))
		}
		for _, weak := range []string{"Cour7!A", "sansmajuscule!1", "SANSMINUSCULE!1", "SansChiffre!!", "SansSpecial12"} {
			marie.Register(Marie, Fields{"password": {weak}, "password_confirmation": {weak}})
			if marie.Page().Main() != "register" {
				t.Fatalf("the password %q was taken", weak)
			}
		}

		marie.Register(Marie)
		marie.At("register-sent")
		marie.Says("Un message de validation a été envoyé sur votre email : "+Marie.Email,
			"Veuillez cliquer sur le lien d'activation contenu dans ce mail pour vous connecter à votre espace Web Services Entreprises.",
			"Renvoyer à nouveau l'email", "Retour à la connexion")

		letter := app.Mail.Wait(t, Marie.Email, "Validation de création de compte")
		for _, words := range []string{"Madame, Monsieur,", "Merci de cliquer sur ce lien pour valider la création de votre compte Web Services", "Valider la création de mon compte"} {
			if !letter.Has(words) {
				t.Errorf("the letter does not say %q in text and HTML:\n%s", words, letter.Text)
			}
		}
		link := letter.Link(t, "/validate")
		if !strings.Contains(letter.Text, link) || !strings.Contains(htmlText(letter.HTML), link) || len(letter.Code) != 6 {
			t.Errorf("the letter must show the address in clear and a code of six digits:\n%s", letter.Text)
		}

		// Signing in before validating opens nothing: the right password leads back here, a wrong one is refused as any other.
		marie.Open(app.Auth + "/login")
		marie.Login(Marie)
		marie.At("register-sent")
		marie.Open("/companies/add")
		marie.At("login")
		marie.Submit("/login", Fields{"email": {Marie.Email}, "password": {"Pas!CeluiLa9"}})
		marie.At("login")
		wrong := marie.Page().Alert()
		marie.Submit("/login", Fields{"email": {"personne@nullepart.example"}, "password": {"Pas!CeluiLa9"}})
		if wrong == "" || marie.Page().Alert() != wrong {
			t.Errorf("an unknown address is refused with %q, a known one with %q", marie.Page().Alert(), wrong)
		}

		// Robots open links. It changes nothing, in whatever way they open them.
		robot := app.Browser(t)
		robot.Open(link)
		robot.At("validate")
		if answer, err := http.Head(link); err != nil || answer.StatusCode != http.StatusOK {
			t.Errorf("HEAD of the link: %v %v", answer, err)
		}
		if s := app.Account(t, Marie.Email).Status; s != "unvalidated" {
			t.Fatalf("after a robot opened the link the account is %s", s)
		}
		// Another browser is asked for the password as well, so a robot that presses buttons gets nowhere.
		robot.Submit("/validate", Fields{"password": {"Pas!CeluiLa9"}})
		robot.At("validate")
		robot.Answers(http.StatusUnprocessableEntity)
		if s := app.Account(t, Marie.Email).Status; s != "unvalidated" {
			t.Fatalf("a wrong password validated: %s", s)
		}

		// The letter again, on request.
		marie.Open(app.Auth + "/register/sent")
		marie.Submit("/register/resend", nil)
		marie.At("register-sent")
		app.Mail.Wait(t, Marie.Email, "Validation")

		marie.Open(link)
		marie.At("validate")
		marie.Submit("/validate", nil)
		marie.At("validated")
		marie.Says("Félicitations, votre compte a bien été validé.", "Vous pouvez maintenant vous connecter à votre espace Web Services Entreprises :", "Se connecter")
		if s := app.Account(t, Marie.Email).Status; s != "active" {
			t.Fatalf("validated, and the account is %s", s)
		}

		// Used once, a link says so.
		marie.Open(link)
		marie.At("validate")
		if !strings.Contains(marie.Page().Alert(), "déjà validé") {
			t.Errorf("a used link says %q", marie.Page().Alert())
		}

		// Validating opens no session. Signing in leads to the page where a company is added.
		marie.Open("/")
		marie.At("welcome")
		marie.Follow("Se connecter aux Web Services")
		marie.At("login")
		if !marie.Went(app.Auth + "/oauth/authorize") {
			t.Error("the portal signs people in as a tool does, through /oauth/authorize")
		}
		marie.Login(Marie)
		marie.At("companies-add")
		marie.Says("SIREN", "Code adhérent", "Ajouter cette entreprise")
		if !strings.Contains(marie.Page().Header.Get("Cache-Control"), "no-store") {
			t.Error("a private page may not be kept by caches")
		}
	})
}

// Chapter 1, by the side doors: the typed code, the corrected address, the other browser, the stranger, the address already taken.
func TestSignUpOtherwise(t *testing.T) {
	EachEngine(t, func(t *testing.T, app *App) {
		// A mistyped address is corrected without typing the rest again; the code of the letter is typed in the same browser.
		paul := app.Browser(t)
		slip := Paul
		slip.Email = "paul.besson@boutiqe.example"
		paul.Register(slip)
		paul.At("register-sent")
		paul.Submit("/register/address", Fields{"email": {Paul.Email}})
		paul.At("register-sent")
		paul.Says(Paul.Email)
		letter := app.Mail.Wait(t, Paul.Email, "Validation")
		wrong := "000000"
		if letter.Code == wrong {
			wrong = "000001"
		}
		paul.Submit("/register/code", Fields{"code": {wrong}})
		paul.At("register-sent")
		paul.Answers(http.StatusUnprocessableEntity)
		paul.Submit("/register/code", Fields{"code": {letter.Code[:3] + " " + letter.Code[3:]}})
		paul.At("validated")

		// On the telephone, in another browser: the password chosen on the computer is asked for.
		lucie, phone := app.Browser(t), app.Browser(t)
		lucie.Register(Lucie)
		lucie.At("register-sent")
		phone.Open(app.Mail.Wait(t, Lucie.Email, "Validation").Link(t, "/validate"))
		phone.At("validate")
		phone.Submit("/validate", Fields{"password": {Password}})
		phone.At("validated")
		if c := phone.Cookies(app.Auth + "/account"); slices.ContainsFunc(c, func(c *http.Cookie) bool { return strings.HasSuffix(c.Name, "portique_auth") }) {
			t.Errorf("validating opened a session: %v", c)
		}

		// Somebody signs up with a stranger's address; the stranger says so with the code printed in the letter.
		villain := app.Browser(t)
		villain.Register(Anne)
		letter = app.Mail.Wait(t, Anne.Email, "Validation")
		anne := app.Browser(t)
		anne.Open(letter.Link(t, "/validate"))
		anne.Submit("/validate/not-me", Fields{"code": {"000000"}})
		anne.Answers(http.StatusUnprocessableEntity)
		anne.Submit("/validate/not-me", Fields{"code": {disownCode(letter)}})
		anne.Answers(http.StatusOK)
		villain.Submit("/register/code", Fields{"code": {letter.Code}})
		if villain.Page().Main() == "validated" {
			t.Error("a disowned sign-up was validated")
		}

		// A taken address goes through the same pages; its owner is told.
		again := app.Browser(t)
		again.Register(Lucie)
		again.At("register-sent")
		again.Says("Un message de validation a été envoyé sur votre email : " + Lucie.Email)
		if l := app.Mail.Wait(t, Lucie.Email, ""); strings.Contains(l.Subject, "Validation de création") {
			t.Errorf("the owner of the address got %q", l.Subject)
		}

		// A link lives 24 hours.
		late := app.Browser(t)
		late.Register(Marie)
		link := app.Mail.Wait(t, Marie.Email, "Validation").Link(t, "/validate")
		app.Advance(t, 24*time.Hour+time.Minute)
		late.Open(link)
		late.At("validate")
		if late.Page().Form("/validate") || late.Page().Alert() == "" {
			t.Errorf("a day later the link still offers to validate: %s", late.Page().Text())
		}
	})
}

// disownCode is the other code of a letter of validation: the one of "this was not me".
func disownCode(letter *Mail) string {
	for _, c := range digits.FindAllString(address.ReplaceAllString(letter.Text, ""), -1) {
		if c = strings.Map(onlyDigits, c); len(c) == 6 && c != letter.Code {
			return c
		}
	}
	return ""
}

func onlyDigits(r rune) rune {
	if r < '0' || r > '9' {
		return -1
	}
	return r
}

// Chapter 2: add a company. The first comes in as its administrator, the next ask.
func TestAttach(t *testing.T) {
	EachEngine(t, func(t *testing.T, app *App) {
		members := app.Import(t, 1000)
		shop, other := members[0], members[1]
		for _, p := range []Person{Marie, Paul, Lucie} {
			app.Create(t, p)
		}
		app.Create(t, Anne, "--contributions-only")

		marie := app.SignIn(t, Marie)
		marie.At("companies-add")

		// Every wrong answer is the same answer, whatever is wrong. A false key is told apart, since it needs no look-up.
		var answers []string
		for _, wrong := range []Member{{SIREN: shop.SIREN, Code: other.Code}, {SIREN: MemberFile(99, 1)[0].SIREN, Code: "12345678"}} {
			marie.Attach(wrong)
			marie.At("companies-add")
			marie.Answers(http.StatusUnprocessableEntity)
			answers = append(answers, marie.Page().Alert())
		}
		if answers[0] == "" || answers[0] != answers[1] {
			t.Errorf("a wrong code is answered %q, an unknown company %q", answers[0], answers[1])
		}
		marie.Attach(Member{SIREN: "123456789", Code: shop.Code})
		if marie.Page().Alert() == answers[0] {
			t.Errorf("a SIREN with a false key is answered %q", marie.Page().Alert())
		}

		// As people type: a SIRET with spaces, a code with dashes.
		marie.Attach(Member{SIREN: shop.SIREN[:3] + " " + shop.SIREN[3:6] + "\u00a0" + shop.SIREN[6:] + " 00017", Code: shop.Code[:4] + "-" + shop.Code[4:]})
		marie.At("activated")
		marie.Says("Votre compte est activé. Vous allez être redirigé.", "Vous pouvez accéder au portail !", "Accéder au portail")
		if m := app.Membership(t, shop.SIREN, Marie); m.Role != "administrator" || m.Status != "active" {
			t.Fatalf("the first to come is %+v", m)
		}
		marie.Follow("Accéder au portail")
		marie.At("tools")
		if marie.Page().URL.Path != "/tools" || marie.Page().URL.Query().Get("siren") != shop.SIREN {
			t.Errorf("the link leads to %s", marie.Page().URL)
		}
		marie.Open("/")
		marie.At("tools")

		// The second asks, and is told what happens next.
		paul := app.SignIn(t, Paul)
		paul.Attach(shop)
		paul.At("companies-add")
		paul.Says("Une demande d'accès a été envoyée à l'administrateur de cette entreprise.", shop.Name, "Relancer ma demande", "Annuler ma demande")
		request := app.Pending(t, shop.SIREN, Paul)
		asked := app.Mail.Wait(t, Marie.Email, "demande")
		if !asked.Has("Paul Besson") || !asked.Has(shop.Name) || !asked.Has(Paul.Email) {
			t.Errorf("the letter to the administrator does not say who asks and for what:\n%s", asked.Text)
		}
		if l := asked.Link(t, "/companies/"+shop.SIREN+"/users"); !strings.HasPrefix(l, app.Portal) {
			t.Errorf("the letter leads to %s", l)
		}
		// Asking again makes no second request, and no access opens in the meantime.
		paul.Attach(shop)
		if n := len(app.Requests(t, shop.SIREN)); n != 1 {
			t.Errorf("asking twice made %d requests", n)
		}
		paul.Open("/companies/" + shop.SIREN + "/users")
		paul.Answers(http.StatusForbidden, http.StatusNotFound)
		paul.Open("/")
		paul.At("companies-add")
		paul = app.SignIn(t, Paul) // every sign-in lands here until an access is active
		paul.At("companies-add")
		paul.Says("Relancer ma demande")

		// Remind: at once the first time, then once a day, and the page says when.
		paul.Submit("/requests/"+request.ID+"/remind", nil)
		paul.At("companies-add")
		paul.Answers(http.StatusOK)
		app.Mail.Wait(t, Marie.Email, "")
		if r := app.Pending(t, shop.SIREN, Paul); r.Reminders != 1 {
			t.Errorf("after a reminder the request counts %d", r.Reminders)
		}
		if paul.Page().Form("/requests/" + request.ID + "/remind") {
			t.Error("the button is still there, though it would be refused")
		}
		paul.Says("Vous pourrez relancer votre demande à partir du")
		paul.Post("/requests/"+request.ID+"/remind", nil)
		paul.Answers(http.StatusTooManyRequests)
		if paul.Page().Header.Get("Retry-After") == "" {
			t.Error("a reminder too soon is answered without Retry-After")
		}
		app.Advance(t, 24*time.Hour+time.Minute)
		paul = app.SignIn(t, Paul)
		paul.Submit("/requests/"+request.ID+"/remind", nil)
		paul.Answers(http.StatusOK)

		// Nobody touches somebody else's request: it does not exist.
		lucie := app.SignIn(t, Lucie)
		for _, verb := range []string{"remind", "cancel"} {
			lucie.Post("/requests/"+request.ID+"/"+verb, nil)
			lucie.Answers(http.StatusNotFound)
		}
		lucie.Post("/companies/"+shop.SIREN+"/requests/"+request.ID+"/accept", Fields{"role": {"administrator"}})
		lucie.Answers(http.StatusNotFound, http.StatusForbidden)

		// Cancel, which is asked first, and ask again.
		paul.Go("/requests/" + request.ID + "/cancel")
		paul.Says(shop.Name, "Garder ma demande")
		if r := app.Requests(t, shop.SIREN); len(r) != 1 || r[0].Status != "pending" {
			t.Errorf("before it is confirmed: %+v", r)
		}
		paul.Submit("/requests/"+request.ID+"/cancel", nil)
		paul.At("companies-add")
		if r := app.Requests(t, shop.SIREN); len(r) != 1 || r[0].Status != "cancelled" {
			t.Errorf("after cancelling: %+v", r)
		}
		paul.Post("/requests/"+request.ID+"/cancel", nil)
		paul.Answers(http.StatusConflict)
		paul.Attach(shop)
		if again := app.Pending(t, shop.SIREN, Paul); again.ID == request.ID {
			t.Error("the new request is the old one")
		}

		// The checkbox: a declarant enters at once where nobody is administrator, and leaves the seat free.
		anne := app.SignIn(t, Anne)
		anne.Attach(other)
		anne.At("activated")
		if m := app.Membership(t, other.SIREN, Anne); m.Role != "declarant" {
			t.Errorf("the accountant came in as %+v", m)
		}
		lucie.Attach(other)
		lucie.At("activated")
		if m := app.Membership(t, other.SIREN, Lucie); m.Role != "administrator" {
			t.Errorf("the seat was not free: %+v", m)
		}
		// Where there is one, the accountant asks like anybody.
		anne.Attach(shop)
		app.Pending(t, shop.SIREN, Anne)
	})
}

// Chapter 2, the other side: the administrator's page.
func TestAdministration(t *testing.T) {
	EachEngine(t, func(t *testing.T, app *App) {
		shop := app.Import(t, 10)[0]
		for _, p := range []Person{Marie, Paul, Lucie} {
			app.Create(t, p)
		}
		marie, paul, lucie := app.SignIn(t, Marie), app.SignIn(t, Paul), app.SignIn(t, Lucie)
		marie.Attach(shop)
		app.Confirm(t, shop)
		paul.Attach(shop)
		lucie.Attach(shop)
		marie.Open("/companies/" + shop.SIREN + "/users")
		marie.At("users")
		marie.Says("Paul Besson", Paul.Email, "Lucie Haddad", Marie.Email)
		if marie.Page().Link("Gérer les utilisateurs") == "" {
			t.Error("the menu has no link to this page")
		}

		// Accept: the person is told, and is in at once, in the session they have.
		request := app.Pending(t, shop.SIREN, Paul)
		marie.Decide(request, "accept", Fields{"role": {"member"}})
		marie.At("users")
		if n := marie.Page().Notice(); !strings.Contains(n, "Paul Besson") {
			t.Errorf("accepted, and the page says %q", n)
		}
		// The request had been acknowledged by a letter as well; this one opens the door.
		welcome := waitFor(t, app, Paul, "Vous pouvez accéder au portail !")
		if !welcome.Has(shop.Name) {
			t.Errorf("the letter does not name the company:\n%s", welcome.Text)
		}
		paul.Open("/")
		paul.At("tools")
		marie.Post("/companies/"+shop.SIREN+"/requests/"+request.ID+"/refuse", Fields{"reason": {"Trop tard"}})
		marie.Answers(http.StatusConflict)
		paul.Open("/companies/" + shop.SIREN + "/users")
		paul.Answers(http.StatusForbidden, http.StatusNotFound) // a member does not govern
		paul.Open("/companies/" + shop.SIREN + "/activated")
		paul.At("tools") // nor is told to be the first
		paul.Open(app.Auth + "/signed-out")
		paul.At("tools") // nobody who is signed in is told the contrary

		// Refuse: with a reason, which the person reads; a new request waits a day.
		refused := app.Pending(t, shop.SIREN, Lucie)
		marie.Decide(refused, "refuse", Fields{"reason": {""}})
		marie.Answers(http.StatusUnprocessableEntity)
		marie.Decide(refused, "refuse", Fields{"reason": {"Vous travaillez pour une autre boutique."}})
		marie.At("users")
		waitFor(t, app, Lucie, "Vous travaillez pour une autre boutique.")
		lucie.Open("/companies/add")
		lucie.Says("Vous travaillez pour une autre boutique.")
		lucie.Attach(shop)
		if r := app.Requests(t, shop.SIREN); len(r) != 2 {
			t.Errorf("a new request within a day of the refusal: %+v", r)
		}

		// The last administrator cannot leave the company without one, by any path.
		users := "/companies/" + shop.SIREN + "/users"
		mine := app.Membership(t, shop.SIREN, Marie)
		marie.Open(users)
		if marie.Page().Form(users + "/" + mine.ID + "/role") {
			t.Error("the page offers the last administrator to step down")
		}
		marie.Post(users+"/"+mine.ID+"/role", Fields{"role": {"member"}})
		marie.Answers(http.StatusConflict, http.StatusUnprocessableEntity)
		marie.Post(users+"/"+mine.ID+"/remove", nil)
		marie.Answers(http.StatusConflict, http.StatusUnprocessableEntity)
		marie.Open(users + "/" + mine.ID + "/remove")
		marie.Answers(http.StatusConflict)
		marie.Says("Ce n'est pas possible maintenant") // a rule stands: looking again would change nothing
		if r := app.Try(t, "", "membership", "revoke", mine.ID, "--reason", "essai"); r.Status == 0 {
			t.Error("the command line removed the last administrator")
		}
		if r := app.Try(t, "", "account", "disable", Marie.Email); r.Status == 0 {
			t.Error("the command line disabled the account of an only administrator")
		}
		if m := app.Membership(t, shop.SIREN, Marie); m.Role != "administrator" || m.Status != "active" {
			t.Fatalf("the last administrator has become %+v", m)
		}

		// A second administrator is named; now the first may step down, and no longer governs.
		his := app.Membership(t, shop.SIREN, Paul)
		marie.Open(users)
		marie.Submit(users+"/"+his.ID+"/role", Fields{"role": {"administrator"}})
		marie.At("users")
		waitFor(t, app, Paul, "administrateur")
		paul.Open(users)
		paul.At("users")
		marie.Open(users)
		marie.Go(users + "/" + mine.ID + "/role")
		marie.Says(Paul.First) // who can give the role back
		marie.Submit(users+"/"+mine.ID+"/role", Fields{"role": {"member"}})
		marie.At("tools")
		marie.Says("Votre rôle pour")
		marie.Open(users)
		marie.Answers(http.StatusForbidden, http.StatusNotFound)

		// Remove: told by letter, out at the next click.
		paul.Open(users)
		paul.Go(users + "/" + mine.ID + "/remove")
		paul.Says("Marie Kerouanton")
		paul.Submit(users+"/"+mine.ID+"/remove", nil)
		paul.At("users")
		if m := app.Membership(t, shop.SIREN, Marie); m.Status != "ended" {
			t.Errorf("removed, and still %+v", m)
		}
		marie.Open("/")
		marie.At("companies-add")
		waitFor(t, app, Marie, shop.Name)

		// A company that once had an administrator gives the seat to nobody by itself: who comes next asks.
		marie.Attach(shop)
		marie.At("companies-add")
		app.Pending(t, shop.SIREN, Marie)
	})
}

// waitFor waits for the letter to a person that says something, whatever other letters come before it.
func waitFor(t *testing.T, app *App, p Person, words string) *Mail {
	t.Helper()
	for {
		if l := app.Mail.Wait(t, p.Email, ""); l.Has(words) {
			return l
		}
	}
}

// Chapter 3: the tools. One sign-in opens them all, each for a company.
func TestTools(t *testing.T) {
	EachEngine(t, func(t *testing.T, app *App) {
		members := app.Import(t, 10)
		shop, second := members[0], members[1]
		app.Create(t, Marie)
		app.Create(t, Anne, "--contributions-only")
		app.Create(t, Paul)
		training := app.NewTool(t, "formation", "Demandes de formation")
		levy := app.NewTool(t, "contributions", "Déclaration des contributions", "--audience", "contributions")

		marie := app.SignIn(t, Marie)
		marie.Attach(shop)
		app.Confirm(t, shop)
		marie.Open("/tools")
		tile, ok := marie.Page().Tile("formation")
		if !ok || tile.State != "open" || tile.URL == "" {
			t.Fatalf("the tile of an administrator: %+v", tile)
		}

		// One click, no second sign-in; the tool knows who came and for which company.
		marie.Go(tile.URL)
		marie.At("tool")
		for _, h := range marie.Hops {
			if h.Method == http.MethodPost || strings.HasPrefix(h.URL, app.Auth+"/login") {
				t.Errorf("the tool asked for something: %+v", h)
			}
		}
		visit := training.Last()
		if visit.Company("siren") != shop.SIREN || visit.Company("role") != "administrator" || visit.Company("name") != shop.Name {
			t.Errorf("the tool was told %v", visit.UserInfo)
		}
		if visit.UserInfo["email"] != Marie.Email || visit.UserInfo["given_name"] != "Marie" || visit.UserInfo["family_name"] != "Kerouanton" {
			t.Errorf("the tool was told %v", visit.UserInfo)
		}
		if visit.IDToken["acr"] != "portique:1" || visit.IDToken["sid"] == nil {
			t.Errorf("the ID token says %v", visit.IDToken)
		}

		// A second company: without a hint the person chooses; two tabs may act for two companies.
		marie.Open("/companies/add")
		marie.Attach(second)
		marie.At("activated")
		marie.Open(training.URL + "/?prompt=select_company")
		marie.At("choose-company")
		marie.Says(shop.Name, second.Name)
		marie.Press(second.Name)
		marie.At("tool")
		if c := training.Last().Company("siren"); c != second.SIREN {
			t.Errorf("chosen %s, the tool was told %s", second.SIREN, c)
		}
		marie.Open(training.URL + "/?company_hint=" + shop.SIREN)
		marie.At("tool")
		if c := training.Last().Company("siren"); c != shop.SIREN {
			t.Errorf("hinted %s, the tool was told %s", shop.SIREN, c)
		}
		// A hint at a company one has no access to never opens another one silently.
		marie.Open(training.URL + "/?company_hint=" + members[5].SIREN)
		marie.At("choose-company")
		// With prompt=none nothing is shown and nothing is guessed.
		marie.Open(training.URL + "/?prompt=none")
		marie.At("tool-refused")
		marie.Says("interaction_required")

		// A declarant sees every tool, opens those for contributions, and reads why not the others.
		anne := app.SignIn(t, Anne)
		anne.Attach(members[2])
		anne.Open("/tools")
		if tile, _ := anne.Page().Tile("contributions"); tile.State != "open" {
			t.Errorf("the contributions are %+v for a declarant", tile)
		}
		if tile, _ := anne.Page().Tile("formation"); tile.State != "closed" || tile.Reason == "" {
			t.Errorf("training is %+v for a declarant", tile)
		}
		anne.Open(levy.URL)
		anne.At("tool")
		if r := levy.Last().Company("role"); r != "declarant" {
			t.Errorf("the tool was told the role %q", r)
		}
		anne.Open(training.URL)
		anne.At("no-access")
		anne.Press("Retour à l'outil")
		anne.At("tool-refused")
		anne.Says("access_denied")

		// Rights: a member opens the tools that were ticked.
		paul := app.SignIn(t, Paul)
		paul.Attach(shop)
		marie.Decide(app.Pending(t, shop.SIREN, Paul), "accept", Fields{"role": {"member"}, "tool": {"contributions"}})
		marie.At("users")
		paul.Open("/tools")
		open, _ := paul.Page().Tile("contributions")
		closed, _ := paul.Page().Tile("formation")
		if open.State != "open" || closed.State != "closed" || closed.Reason == "" {
			t.Errorf("a member with one right sees %+v and %+v", open, closed)
		}
		paul.Open(levy.URL)
		paul.At("tool")
		his := levy.Last()
		paul.Open(training.URL)
		if p := paul.At("no-access"); p.Has("a pris fin le") {
			t.Error("who has an access reads that one ended")
		}

		// Access ends: the next attempt finds the door closed, and what the tool still holds is worth nothing.
		marie.Open("/companies/" + shop.SIREN + "/users/" + app.Membership(t, shop.SIREN, Paul).ID + "/remove")
		marie.Submit("", nil)
		paul.Open(levy.URL + "/?max_age=10000")
		paul.At("no-access")
		paul.Says("a pris fin le")
		time.Sleep(time.Second)
		if status := levy.UserInfo(t, his); status == http.StatusOK {
			t.Error("userinfo still answers for an access that has ended")
		}

		// Not signed in, a tool leads to the sign-in page and back to the tool.
		visitor := app.Browser(t)
		visitor.Open(levy.URL + "/?company_hint=" + shop.SIREN)
		visitor.At("login")
		visitor.Login(Marie)
		visitor.At("tool")
		if visitor.Page().URL.Host != strings.TrimPrefix(levy.URL, "http://") {
			t.Errorf("signed in for a tool and arrived at %s", visitor.Page().URL)
		}
	})
}

// Two tabs of one browser sign in for two tools; neither spoils the other.
// A forgotten password: the same answer for every address, a link that does nothing by itself, and every session closed by its use.
func TestForgottenPassword(t *testing.T) {
	EachEngine(t, func(t *testing.T, app *App) {
		app.Create(t, Marie)
		marie := app.SignIn(t, Marie)
		stranger := app.Browser(t)
		stranger.Open("/session/start")
		stranger.At("login")
		stranger.Follow("Mot de passe oublié")
		stranger.At("forgot")
		var answers []string
		for _, email := range []string{"personne@boutique.example", Marie.Email} {
			stranger.Open(app.Auth + "/password/forgot")
			stranger.Submit("/password/forgot", Fields{"email": {email}})
			stranger.At("forgot")
			answers = append(answers, strings.ReplaceAll(stranger.Page().Text(), email, "ADDRESS"))
		}
		if answers[0] != answers[1] {
			t.Errorf("the page tells addresses apart:\n%s\n%s", answers[0], answers[1])
		}
		link := app.Mail.Wait(t, Marie.Email, "nouveau mot de passe").Link(t, "/password/reset")
		for range 3 {
			stranger.Open(link)
			stranger.At("reset")
		}
		stranger.Submit("/password/reset", Fields{"password": {"court"}, "password_confirmation": {"court"}})
		stranger.At("reset")
		stranger.Answers(http.StatusUnprocessableEntity)
		marie.Open("/companies/add")
		marie.At("companies-add") // nothing happened to her yet

		stranger.Submit("/password/reset", Fields{"password": {"Autre!Mouton8"}, "password_confirmation": {"Autre!Mouton8"}})
		stranger.At("login")
		stranger.Says("Votre mot de passe est changé")
		app.Mail.Wait(t, Marie.Email, "mot de passe a changé")
		marie.Open("/companies/add")
		marie.At("login") // her session has ended
		stranger.Submit("/login", Fields{"email": {Marie.Email}, "password": {Password}})
		stranger.At("login")
		stranger.Submit("/login", Fields{"email": {Marie.Email}, "password": {"Autre!Mouton8"}})
		stranger.At("companies-add")
		again := app.Browser(t)
		again.Open(link)
		again.At("reset")
		if again.Page().Alert() == "" {
			t.Error("a spent link says nothing")
		}
	})
}

func TestTwoTabs(t *testing.T) {
	EachEngine(t, func(t *testing.T, app *App) {
		shop := app.Import(t, 1)[0]
		app.Create(t, Marie)
		app.SignIn(t, Marie).Attach(shop)
		one, two := app.NewTool(t, "one", "Premier outil"), app.NewTool(t, "two", "Second outil")
		b := app.Browser(t)
		b.Open(one.URL)
		first := b.At("login")
		b.Open(two.URL)
		b.At("login")
		b.page = first // back in the first tab
		b.Login(Marie)
		b.At("tool")
		if b.Page().Title() != "Premier outil" {
			t.Errorf("the first tab arrived at %q", b.Page().Title())
		}
		b.Open(two.URL)
		b.At("tool")
		if b.Page().Title() != "Second outil" {
			t.Errorf("the second tab arrived at %q", b.Page().Title())
		}
		// A sign-in that is finished opens nothing again.
		b.page = first
		if b.Login(Marie); b.Page().Main() == "tool" && b.Went(one.URL+"/callback") {
			t.Error("the form of a finished sign-in was replayed into the tool")
		}
	})
}

// Leaving: portal and auth close together, and the page says what stays open.
func TestSignOut(t *testing.T) {
	EachEngine(t, func(t *testing.T, app *App) {
		shop := app.Import(t, 1)[0]
		app.Create(t, Marie)
		tool := app.NewTool(t, "formation", "Demandes de formation")
		marie := app.SignIn(t, Marie)
		marie.Attach(shop)
		marie.Open(tool.URL)
		marie.At("tool")
		marie.Open("/tools")
		kept := slices.Clone(marie.Cookies("/"))

		marie.Submit("/session/end", nil)
		marie.At("signed-out")
		marie.Says("Demandes de formation")
		if !marie.Went(app.Auth + "/oauth/logout") {
			t.Error("signing out did not pass through auth")
		}
		marie.Open("/")
		marie.At("welcome")
		marie.Open("/companies/" + shop.SIREN + "/users")
		marie.At("login")
		marie.Open(tool.URL + "/?company_hint=" + shop.SIREN)
		marie.At("login")

		// The cookies of before are worth nothing, even kept.
		r, _ := http.NewRequest(http.MethodGet, app.Portal+"/tools", nil)
		for _, c := range kept {
			r.AddCookie(c)
		}
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			t.Error("a session that was ended still opens the tools")
		}

		// After signing in for a page, one is on that page; never on another host.
		marie.Open("/companies/" + shop.SIREN + "/users")
		marie.Login(Marie)
		marie.At("users")

		// Idle two hours: sign in again.
		app.Advance(t, 2*time.Hour+time.Minute)
		marie.Open("/tools")
		marie.At("login")
	})
}

// French and English: as the browser asks, and then as the person says.
func TestLanguage(t *testing.T) {
	EachEngine(t, func(t *testing.T, app *App) {
		john := app.Browser(t)
		john.Language = "en-GB,en;q=0.9"
		john.Open("/")
		if p := john.At("welcome"); p.Language() != "en" || p.Header.Get("Content-Language") != "en" || p.Has("identifiant") {
			t.Errorf("asked for English, got %q: %s", p.Language(), p.Text())
		}
		john.Open(app.Auth + "/register")
		if p := john.At("register"); p.Language() != "en" {
			t.Errorf("the sign-up page is in %q", p.Language())
		}
		john.Open("/")
		john.Submit("/language", Fields{"language": {"fr"}})
		if p := john.At("welcome"); p.Language() != "fr" || p.URL.Path != "/" {
			t.Errorf("switched to French, got %q on %s", p.Language(), p.URL)
		}
		john.Open("/")
		if p := john.Page(); p.Language() != "fr" {
			t.Errorf("the choice was forgotten: %q", p.Language())
		}
		// Nothing else than a path of this host is a way back.
		for _, elsewhere := range []string{"https://tiers.example/", "//tiers.example/", `/\tiers.example`, "http:tiers.example", "/\t/tiers.example"} {
			p := john.Post("/language", Fields{"language": {"en"}, "return": {elsewhere}})
			if origin(p.URL) != app.Portal {
				t.Errorf("return=%q led to %s", elsewhere, p.URL)
			}
		}

		// Letters speak the language of the sign-up.
		john.Open(app.Auth + "/register")
		john.At("register")
		john.Submit("/register", Fields{
			"email": {"john@shop.example"}, "email_confirmation": {"john@shop.example"}, "password": {Password}, "password_confirmation": {Password},
			"first_name": {"John"}, "last_name": {"Smith"},
		})
		john.At("register-sent")
		if l := app.Mail.Wait(t, "john@shop.example", ""); strings.Contains(l.Text, "Madame, Monsieur") || l.Code == "" {
			t.Errorf("an English reader got %q:\n%s", l.Subject, l.Text)
		}
	})
}

// Letters leave when they can, as often as it takes, and never twice.
func TestOutbox(t *testing.T) {
	EachEngine(t, func(t *testing.T, app *App) {
		app.Mail.Refuse(Marie.Email, 451)
		app.Browser(t).Register(Marie)
		until(t, "a first try", func() bool { return app.Mail.Tries(Marie.Email) == 1 })
		app.Mail.Refuse(Marie.Email, 0)
		app.Advance(t, 40*time.Second)
		letter := app.Mail.Wait(t, Marie.Email, "Validation")
		var list []Letter
		until(t, "the outcome", func() bool { // written once the mail server has answered
			app.JSON(t, &list, "letter", "list", "--email", Marie.Email)
			return len(list) == 0 || list[0].Status != "queued"
		})
		if len(list) != 1 || list[0].Status != "sent" || list[0].MessageID == "" || strings.Trim(letter.MessageID, "<>") != strings.Trim(list[0].MessageID, "<>") {
			t.Errorf("one letter, sent at the second try, under one Message-ID: %+v, arrived as %s", list, letter.MessageID)
		}
		if !strings.Contains(letter.Header.Get("Reply-To"), SupportEmail) {
			t.Errorf("an answer goes to %q", letter.Header.Get("Reply-To"))
		}

		// Stopping the server loses nothing and sends nothing twice.
		app.Mail.Refuse(Paul.Email, 451)
		app.Browser(t).Register(Paul)
		until(t, "a first try", func() bool { return app.Mail.Tries(Paul.Email) >= 1 })
		app.Mail.Refuse(Paul.Email, 0)
		app.Restart(t)
		app.Advance(t, time.Minute)
		app.Mail.Wait(t, Paul.Email, "Validation")
		app.Mail.None(t, Paul.Email, 1500*time.Millisecond)
	})
}

// until waits for something that has no letter to announce it.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not happen within %s", what, patience)
		}
	}
}

// The command line: what the operator's engineer does, and how it refuses.
func TestCommands(t *testing.T) {
	EachEngine(t, func(t *testing.T, app *App) {
		// A member file is tried before it counts; a bad line is named and stops the others, unless told otherwise; a company given twice is on none.
		members := MemberFile(7, 1000)
		csv := members.CSV() + "123456789;Clé fausse;12345678;active;;;;;;\n" + members[0].SIREN + ";En double;12345678;active;;;;;;\n"
		file := app.File(t, "members.csv", csv)
		dry := app.Try(t, "", "company", "import", file, "--dry-run")
		var companies []struct{ SIREN, Name, Status string }
		if app.JSON(t, &companies, "company", "list"); len(companies) != 0 {
			t.Errorf("a dry run imported %d companies", len(companies))
		}
		for _, line := range []string{"1002", "1003"} {
			if !strings.Contains(dry.Stdout+dry.Stderr, line) {
				t.Errorf("the dry run does not name line %s:\n%s%s", line, dry.Stdout, dry.Stderr)
			}
		}
		app.Try(t, "", "company", "import", file)
		if app.JSON(t, &companies, "company", "list"); len(companies) != 0 {
			t.Errorf("with refused lines %d companies were imported", len(companies))
		}
		app.Try(t, "", "company", "import", file, "--skip-refused")
		if app.JSON(t, &companies, "company", "list"); len(companies) != 999 {
			t.Errorf("imported %d companies of 999", len(companies))
		}
		var one struct {
			SIREN, Name, Status string
			ContactEmail        string `json:"contact_email"`
		}
		if app.JSON(t, &one, "company", "show", members[3].SIREN); one.Name != members[3].Name || one.ContactEmail != members[3].ContactEmail || one.Status != "active" {
			t.Errorf("show says %+v, the file %+v", one, members[3])
		}

		// A new code replaces the old.
		code := strings.TrimSpace(app.Run(t, "", "company", "new-code", members[3].SIREN))
		if len(code) != 10 {
			t.Errorf("the new code is %q", code)
		}
		app.Create(t, Marie)
		marie := app.SignIn(t, Marie)
		marie.Attach(members[3])
		marie.Answers(http.StatusUnprocessableEntity)
		marie.Attach(Member{SIREN: members[3].SIREN, Code: strings.ToLower(code)})
		marie.At("activated")

		// Grant and revoke follow the rules of the pages, with a reason, and everybody concerned is told.
		app.Create(t, Paul)
		app.Run(t, "", "membership", "grant", "--email", Paul.Email, "--siren", members[3].SIREN, "--role", "member", "--reason", "Demande au téléphone")
		waitFor(t, app, Paul, members[3].Name)
		granted := app.Membership(t, members[3].SIREN, Paul)
		app.Run(t, "", "membership", "revoke", granted.ID, "--reason", "Erreur de boutique")
		if m := app.Membership(t, members[3].SIREN, Paul); m.Status != "ended" {
			t.Errorf("revoked, and still %+v", m)
		}

		// Disabling closes the session the person has, within a second.
		paul := app.SignIn(t, Paul)
		app.Run(t, "", "account", "disable", Paul.Email)
		time.Sleep(1100 * time.Millisecond)
		paul.Open("/companies/add")
		paul.At("login")
		paul.Login(Paul)
		paul.At("login")

		// Wrong usage is 2, refusal is 1, and each says in one line what to do.
		for args, status := range map[string]int{
			"no-such-command":                            2,
			"company show":                               2,
			"company show 123456789":                     1,
			"account disable personne@nullepart.example": 1,
			"membership revoke inconnu --reason essai":   1,
		} {
			r := app.Try(t, "", strings.Fields(args)...)
			if r.Status != status || strings.TrimSpace(r.Stderr) == "" || strings.Contains(r.Stderr, "goroutine") {
				t.Errorf("portique %s: status %d, not %d: %s", args, r.Status, status, r.Stderr)
			}
		}
		// A second server on the same file refuses to start.
		if app.Engine == "sqlite" {
			if r := app.Try(t, "", "serve"); r.Status == 0 || !strings.Contains(r.Stderr, "server") {
				t.Errorf("a second server on one file: %d %s", r.Status, r.Stderr)
			}
		}
		if v := app.Run(t, "", "version"); strings.TrimSpace(v) == "" {
			t.Error("no version")
		}
	})
}
