package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-crypt/crypt/algorithm/argon2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
)

// The floors are the least that the same work can cost with the same language, libraries and database: a second process that
// does only that, on the server's core. Nothing of Portique runs in it.

type floorServer struct {
	engine string
	write  *sql.DB
	read   *sql.DB
	jobs   chan *floorJob
	ec     *ecdsa.PrivateKey
	rs     *rsa.PrivateKey
	secret [32]byte
	n      atomic.Int64
}

// floorJob is one transaction that waits for the next commit.
type floorJob struct {
	id   int64
	done chan error
}

func floor(args []string) error {
	flags := flag.NewFlagSet("floor", flag.ExitOnError)
	engine := flags.String("engine", "sqlite", "sqlite or postgres")
	database := flags.String("database", "", "a file, or the address of an empty database")
	_ = flags.Parse(args) // exits on an error
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	f := &floorServer{engine: *engine, secret: sha256.Sum256([]byte("secret")), jobs: make(chan *floorJob, 64)}
	var err error
	if f.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return err
	}
	if f.rs, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		return err
	}
	if err := f.open(ctx, *database); err != nil {
		return err
	}
	defer f.write.Close()
	defer f.read.Close()
	go f.commitInGroups(ctx)

	mux := http.NewServeMux()
	static := bytes.Repeat([]byte("{\"static\":true}\n"), 4096) // more than any answer compared with it
	mux.HandleFunc("GET /static/{size}", func(w http.ResponseWriter, r *http.Request) {
		size, err := strconv.Atoi(r.PathValue("size"))
		if err != nil || size < 0 || size > len(static) {
			http.Error(w, "no such size", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", r.PathValue("size"))
		_, _ = w.Write(static[:size])
	})
	mux.HandleFunc("GET /read", f.pointRead)
	mux.HandleFunc("POST /token", f.token)
	mux.HandleFunc("POST /limit", f.limit)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://localhost:%d\n", l.Addr().(*net.TCPAddr).Port)
	server := &http.Server{Handler: mux}
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (f *floorServer) open(ctx context.Context, database string) (err error) {
	if f.engine == "sqlite" {
		dsn := "file:" + database + "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)&_txlock=immediate"
		if f.write, err = sql.Open("sqlite", dsn); err != nil {
			return err
		}
		f.write.SetMaxOpenConns(1)
		if f.read, err = sql.Open("sqlite", dsn); err != nil {
			return err
		}
		f.read.SetMaxOpenConns(4)
		f.read.SetMaxIdleConns(4)
	} else {
		if f.write, err = sql.Open("pgx", database); err != nil {
			return err
		}
		f.write.SetMaxOpenConns(16)
		f.write.SetMaxIdleConns(16)
		f.read = f.write
	}
	for _, statement := range []string{
		`CREATE TABLE client (id TEXT PRIMARY KEY, name TEXT NOT NULL)`,
		`INSERT INTO client VALUES ('bench', 'a tool')`,
		`CREATE TABLE token (id BIGINT PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL)`,
		`CREATE INDEX token_kind ON token (kind, id)`,
		`CREATE TABLE company (siren TEXT PRIMARY KEY, name TEXT NOT NULL, status TEXT NOT NULL, code_hash BYTEA NOT NULL, contact TEXT NOT NULL,
			street TEXT NOT NULL, postcode TEXT NOT NULL, city TEXT NOT NULL, sector TEXT NOT NULL, imported_at BIGINT NOT NULL)`,
	} {
		if _, err := f.write.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

const floorBody = `{"client_id":"bench","subject":"019f0000-0000-7000-8000-000000000000","scope":"openid email profile company","nonce":"n","at":1790000000}`

// put is what one redeemed code writes: the code goes, a token comes.
func put(ctx context.Context, tx *sql.Tx, id int64) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM token WHERE id = $1`, id-64); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO token (id, kind, body) VALUES ($1, $2, $3)`, id, "access", floorBody)
	return err
}

func (f *floorServer) commit(ctx context.Context, ids ...int64) error {
	tx, err := f.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, id := range ids {
		if err := put(ctx, tx, id); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// commitInGroups makes one durable commit for all who wait, as a single writer of SQLite can. PostgreSQL does that by itself.
func (f *floorServer) commitInGroups(ctx context.Context) {
	for {
		var group []*floorJob
		select {
		case j := <-f.jobs:
			group = append(group, j)
		case <-ctx.Done():
			return
		}
		for more := true; more && len(group) < 64; {
			select {
			case j := <-f.jobs:
				group = append(group, j)
			default:
				more = false
			}
		}
		ids := make([]int64, len(group))
		for i, j := range group {
			ids[i] = j.id
		}
		err := f.commit(ctx, ids...)
		for _, j := range group {
			j.done <- err
		}
	}
}

func (f *floorServer) pointRead(w http.ResponseWriter, r *http.Request) {
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	_ = sha256.Sum256([]byte(token))
	var name string
	if err := f.read.QueryRowContext(r.Context(), `SELECT name FROM client WHERE id = $1`, "bench").Scan(&name); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"sub": name, "email": "x@bench.example"})
}

// token is the floor of a token endpoint: a form, a secret's SHA-256, one read, one durable commit, one signature.
func (f *floorServer) token(w http.ResponseWriter, r *http.Request) {
	err := r.ParseForm()
	_, secret, _ := r.BasicAuth()
	sum := sha256.Sum256([]byte(secret))
	if err != nil || subtle.ConstantTimeCompare(sum[:], f.secret[:]) != 1 {
		http.Error(w, "no", http.StatusUnauthorized)
		return
	}
	ctx := r.Context()
	var name string
	if err = f.read.QueryRowContext(ctx, `SELECT name FROM client WHERE id = $1`, "bench").Scan(&name); err == nil {
		id := f.n.Add(1)
		if f.engine == "sqlite" {
			j := &floorJob{id, make(chan error, 1)}
			f.jobs <- j
			err = <-j.done
		} else {
			err = f.commit(ctx, id)
		}
	}
	var token string
	if algorithm := r.FormValue("alg"); err == nil && algorithm != "none" {
		token, err = f.sign(algorithm)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "x", "id_token": token, "token_type": "Bearer", "expires_in": 300})
}

func (f *floorServer) sign(algorithm string) (string, error) {
	claims, err := json.Marshal(map[string]any{"iss": "http://localhost:8081", "sub": "019f0000-0000-7000-8000-000000000000", "aud": "bench",
		"exp": time.Now().Unix() + 300, "iat": time.Now().Unix(), "nonce": "n", "sid": "019f0000-0000-7000-8000-000000000000"})
	if err != nil {
		return "", err
	}
	encoding := base64.RawURLEncoding
	body := encoding.EncodeToString([]byte(`{"alg":"`+algorithm+`","kid":"k"}`)) + "." + encoding.EncodeToString(claims)
	sum := sha256.Sum256([]byte(body))
	var signature []byte
	if algorithm == "RS256" {
		signature, err = rsa.SignPKCS1v15(rand.Reader, f.rs, crypto.SHA256, sum[:])
	} else {
		signature, err = ecdsa.SignASN1(rand.Reader, f.ec, sum[:])
	}
	return body + "." + encoding.EncodeToString(signature), err
}

// limit does one thing, alone, for a while: of names it. It answers how many per second.
func (f *floorServer) limit(w http.ResponseWriter, r *http.Request) {
	ms, _ := strconv.Atoi(r.FormValue("ms"))
	each := time.Duration(ms) * time.Millisecond
	var s sample
	var err error
	switch r.FormValue("of") {
	case "argon2id":
		var hasher *argon2.Hasher
		if hasher, err = argon2.New(argon2.WithVariantID(), argon2.WithM(19*1024), argon2.WithT(2), argon2.WithP(1)); err == nil {
			s, _, err = load(1, each, func(int) error { _, err := hasher.Hash("Soleil-2026"); return err })
		}
	case "ES256", "RS256":
		s, _, err = load(1, each, func(int) error { _, err := f.sign(r.FormValue("of")); return err })
	case "commit":
		workers := 1
		if f.engine == "postgres" {
			workers = 16
		}
		s, _, err = load(workers, each, func(int) error { return f.commit(r.Context(), f.n.Add(1)) })
	case "import":
		var lines int
		if lines, err = strconv.Atoi(r.FormValue("lines")); err == nil {
			s, err = f.bulk(r.Context(), lines)
		}
	default:
		err = errors.New("of what?")
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(s)
}

// bulk inserts companies in one transaction, by the engine's fastest way: a prepared statement, or COPY.
func (f *floorServer) bulk(ctx context.Context, lines int) (sample, error) {
	columns := []string{"siren", "name", "status", "code_hash", "contact", "street", "postcode", "city", "sector", "imported_at"}
	row := func(i int) []any {
		sum := sha256.Sum256([]byte(strconv.Itoa(i)))
		return []any{fmt.Sprintf("%09d", i), "Boulangerie Martin et fils", "active", sum[:], "contact@boulangerie-martin.example", "12 rue de la République",
			"35000", "Rennes", "Commerce de détail alimentaire", int64(1790000000000)}
	}
	if _, err := f.write.ExecContext(ctx, `DELETE FROM company`); err != nil {
		return sample{}, err
	}
	start := time.Now()
	err := func() error {
		if f.engine == "postgres" {
			c, err := f.write.Conn(ctx)
			if err != nil {
				return err
			}
			defer c.Close()
			return c.Raw(func(driver any) error {
				_, err := driver.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{"company"}, columns, pgx.CopyFromSlice(lines, func(i int) ([]any, error) { return row(i), nil }))
				return err
			})
		}
		tx, err := f.write.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		insert, err := tx.PrepareContext(ctx, `INSERT INTO company (`+strings.Join(columns, ", ")+`) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)`)
		if err != nil {
			return err
		}
		for i := range lines {
			if _, err := insert.ExecContext(ctx, row(i)...); err != nil {
				return err
			}
		}
		return tx.Commit()
	}()
	return sample{Rate: float64(lines) / time.Since(start).Seconds()}, err
}

// -- the other side ----------------------------------------------------------------------------------------------------------

// floors is the process above, as the load generator sees it.
type floors struct {
	origin string
	mu     sync.Mutex
	c      *conn
}

// limit asks how many of something per second the machine does, alone.
func (f *floors) limit(of string, each time.Duration, lines int) (sample, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var s sample
	form := fmt.Sprintf("of=%s&ms=%d&lines=%d", of, each.Milliseconds(), lines)
	a, err := f.c.expect(http.StatusOK, f.c.post("/limit", "", form))
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(a.Body, &s)
}
