package demo

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"portique"
	"portique/internal/i18n"
)

// paris is the time of the portal's pages, whatever this machine's.
var paris = func() *time.Location {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		return time.Local
	}
	return zone
}()

//go:embed page
var pageFiles embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"t":     func(string) string { return "" }, // replaced for each request, with the reader's language
	"clock": func(t time.Time) string { return t.In(paris).Format("15:04:05") },
	"siren": func(s string) string { return portique.SIREN(s).Grouped() },
	"head": func(data map[string]any, title, name, home string) map[string]any {
		return map[string]any{"Lang": data["Lang"], "Title": title, "Name": name, "Home": home, "Portal": data["Portal"]}
	},
}).ParseFS(pageFiles, "page/*.html"))

// words are the sentences of the demo's pages, French then English.
var words = map[string][2]string{
	"mailbox":        {"Boîte aux lettres de la démonstration", "Mailbox of the demo"},
	"mailbox_lead":   {"Tous les courriels que le portail envoie arrivent ici. Aucun ne quitte cet ordinateur.", "Every email the portal sends arrives here. None leaves this computer."},
	"to":             {"À", "To"},
	"from":           {"De", "From"},
	"subject":        {"Objet", "Subject"},
	"hour":           {"Heure", "Time"},
	"filter":         {"Adresse du destinataire", "Recipient’s address"},
	"filter_do":      {"Filtrer", "Filter"},
	"filter_off":     {"Voir tous les courriels", "See every email"},
	"refresh":        {"Actualiser", "Refresh"},
	"empty":          {"Aucun courriel pour l’instant. Créez un compte sur le portail : le premier arrivera ici.", "No email yet. Create an account on the portal: the first one will arrive here."},
	"empty_to":       {"Aucun courriel pour cette adresse.", "No email for this address."},
	"back_mailbox":   {"Tous les courriels", "Every email"},
	"as_html":        {"Le courriel", "The email"},
	"as_text":        {"En texte", "As text"},
	"headers":        {"En-têtes", "Headers"},
	"raw":            {"Source", "Source"},
	"links":          {"Liens", "Links"},
	"code":           {"Code", "Code"},
	"portal":         {"Retour au portail", "Back to the portal"},
	"problem":        {"Cela n’a pas marché", "That did not work"},
	"message_gone":   {"Ce courriel n’est plus là. La boîte garde les 1 000 derniers.", "This email is gone. The mailbox keeps the last 1,000."},
	"page_missing":   {"Cette page n’existe pas.", "There is no such page."},
	"demo_tool":      {"Outil de démonstration", "Demo tool"},
	"tool_lead":      {"Ici commencerait le travail. La démonstration montre ce que l’outil sait de vous : le portail le lui a dit, sans autre mot de passe.", "The work would begin here. The demo shows what the tool knows about you: the portal told it, without another password."},
	"person":         {"Pour qui", "For whom"},
	"company":        {"Pour quelle entreprise", "For which company"},
	"role":           {"Rôle", "Role"},
	"rights":         {"Outils accessibles", "Tools that open"},
	"rights_none":    {"aucun", "none"},
	"administrator":  {"administrateur", "administrator"},
	"member":         {"utilisateur", "user"},
	"declarant":      {"déclarant", "declarant"},
	"details":        {"Ce que l’outil a reçu, mot pour mot", "What the tool received, word for word"},
	"change":         {"Changer d’entreprise", "Change company"},
	"leave":          {"Quitter cet outil", "Leave this tool"},
	"leave_only":     {"Quitter ferme cet outil seulement : le portail et vos autres outils restent ouverts.", "Leaving closes this tool only: the portal and your other tools stay open."},
	"left":           {"Vous avez quitté cet outil", "You have left this tool"},
	"left_text":      {"Votre session dans cet outil est fermée. Celle du portail reste ouverte.", "Your session in this tool is closed. The one on the portal stays open."},
	"again":          {"Revenir dans cet outil", "Come back to this tool"},
	"retry":          {"Réessayer", "Try again"},
	"denied":         {"Cet outil ne s’ouvre pas pour vous. Le portail dit pourquoi et ce que vous pouvez faire.", "This tool does not open for you. The portal says why and what you can do."},
	"stale":          {"Cette entrée dans l’outil a déjà servi ou a trop attendu. Recommencez : cela ne prend qu’un instant.", "This way into the tool was already used, or waited too long. Start again: it only takes a moment."},
	"refused":        {"La connexion n’a pas abouti. Réessayez ; si cela continue, revenez au portail.", "The sign-in did not succeed. Try again; if it goes on, go back to the portal."},
	"unreachable":    {"Le service de connexion ne répond pas. Réessayez dans un moment.", "The sign-in service does not answer. Try again in a moment."},
	"foreign_site":   {"Cette demande venait d’un autre site : rien n’a été fait.", "That request came from another site: nothing was done."},
	"skip":           {"Aller au contenu", "Skip to the content"},
	"no_html":        {"Ce courriel n’a pas de partie HTML.", "This email has no HTML part."},
	"siren":          {"SIREN", "SIREN"},
	"company_absent": {"Le portail n’a donné aucune entreprise.", "The portal gave no company."},
}

// reads is the language of who asks for a page.
func reads(r *http.Request) string {
	return i18n.Match(r.Header.Get("Accept-Language"), i18n.French)
}

// show writes a page. Its own style sheet is all it loads.
func show(w http.ResponseWriter, r *http.Request, status int, name string, data map[string]any) {
	lang := reads(r)
	t := func(key string) (string, error) {
		pair, ok := words[key]
		if !ok {
			return "", fmt.Errorf("no words for %q", key)
		}
		if lang == i18n.English {
			return pair[1], nil
		}
		return noBreaks.Replace(pair[0]), nil
	}
	set, err := pages.Clone()
	if err == nil {
		data["Lang"] = lang
		var page bytes.Buffer
		if err = set.Funcs(template.FuncMap{"t": t}).ExecuteTemplate(&page, name+".html", data); err == nil {
			h := w.Header()
			h.Set("Content-Type", "text/html; charset=utf-8")
			h.Set("Vary", "Accept-Language")
			w.WriteHeader(status)
			_, _ = w.Write(page.Bytes())
			return
		}
	}
	http.Error(w, err.Error(), http.StatusInternalServerError)
}

var noBreaks = strings.NewReplacer(" :", "\u00a0:", " ;", "\u202f;", " !", "\u202f!", " ?", "\u202f?", "1 000", "1\u202f000")

// door stands before every page of the demo: it refuses a foreign Host, so that
// a name that somebody points at this machine shows nothing, and a form sent by
// another site.
func door(hosts []string, next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		show(w, r, http.StatusForbidden, "problem", map[string]any{"Key": "foreign_site", "Back": "/"})
	}))
	guarded := cross.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(hosts, strings.ToLower(r.Host)) {
			http.Error(w, "This address is not served here.", http.StatusMisdirectedRequest)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		guarded.ServeHTTP(w, r)
	})
}

func asset(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=300")
		http.ServeFileFS(w, r, pageFiles, "page/"+name)
	})
}

func missing(portal string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		show(w, r, http.StatusNotFound, "problem", map[string]any{"Key": "page_missing", "Back": "/", "Portal": portal})
	}
}
