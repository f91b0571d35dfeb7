package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// conn is one keep-alive connection of HTTP/1.1. net/http's client takes as long as its server: it would measure itself.
type conn struct {
	host string // as the server knows itself
	port string
	nc   net.Conn
	in   *bufio.Reader
	body []byte
}

// answer is what came back. Body is overwritten by the next request of the connection.
type answer struct {
	Status   int
	Location string
	Cookies  []string // "name=value"
	Body     []byte
}

func dial(origin string) (*conn, error) {
	host := strings.TrimPrefix(origin, "http://")
	_, port, err := net.SplitHostPort(host)
	if err != nil {
		return nil, err
	}
	c := &conn{host: host, port: port}
	return c, c.connect()
}

func (c *conn) connect() error {
	nc, err := net.DialTimeout("tcp", "127.0.0.1:"+c.port, 5*time.Second)
	if err != nil {
		return err
	}
	c.nc, c.in = nc, bufio.NewReaderSize(nc, 32<<10)
	return nil
}

func (c *conn) Close() { c.nc.Close() }

// get writes a request that can be sent many times. headers end with CRLF each.
func (c *conn) get(path, headers string) []byte {
	return []byte("GET " + path + " HTTP/1.1\r\nHost: " + c.host + "\r\nAccept-Language: fr\r\n" + headers + "\r\n")
}

func (c *conn) post(path, headers, form string) []byte {
	return []byte("POST " + path + " HTTP/1.1\r\nHost: " + c.host + "\r\nAccept-Language: fr\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: " +
		strconv.Itoa(len(form)) + "\r\n" + headers + "\r\n" + form)
}

var errAnswer = errors.New("not an answer of HTTP/1.1")

// do sends a request and reads its answer, 30 seconds at most.
func (c *conn) do(request []byte) (answer, error) {
	var a answer
	_ = c.nc.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := c.nc.Write(request); err != nil {
		return a, err
	}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return a, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return a, errAnswer
	}
	a.Status = int(line[9]-'0')*100 + int(line[10]-'0')*10 + int(line[11]-'0')
	length, chunked := 0, false
	for {
		if line, err = c.in.ReadSlice('\n'); err != nil {
			return a, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch string(name) {
		case "Content-Length":
			if length, err = strconv.Atoi(string(value)); err != nil {
				return a, errAnswer
			}
		case "Transfer-Encoding":
			chunked = true
		case "Location":
			a.Location = string(value)
		case "Set-Cookie":
			pair, _, _ := strings.Cut(string(value), ";")
			a.Cookies = append(a.Cookies, pair)
		}
	}
	c.body = c.body[:0]
	for chunked {
		if line, err = c.in.ReadSlice('\n'); err != nil {
			return a, err
		}
		size, err := strconv.ParseInt(string(bytes.TrimRight(line, "\r\n")), 16, 32)
		if err != nil {
			return a, errAnswer
		}
		if err := c.read(int(size) + 2); err != nil {
			return a, err
		}
		c.body = c.body[:len(c.body)-2]
		if size == 0 {
			break
		}
	}
	if length > 0 {
		err = c.read(length)
	}
	a.Body = c.body
	return a, err
}

func (c *conn) read(n int) error {
	start := len(c.body)
	for cap(c.body) < start+n {
		c.body = append(c.body[:cap(c.body)], 0)
	}
	c.body = c.body[:start+n]
	_, err := io.ReadFull(c.in, c.body[start:])
	return err
}

// expect is do, for an answer that must have that status.
func (c *conn) expect(status int, request []byte) (answer, error) {
	a, err := c.do(request)
	if err == nil && a.Status != status {
		line, _, _ := bytes.Cut(request, []byte("\r\n"))
		err = fmt.Errorf("%s answered %d, not %d: %.300s", line, a.Status, status, a.Body)
	}
	return a, err
}
