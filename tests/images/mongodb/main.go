// FerretDB on SQLite files, behind a front that lets one write through at a time.
//
// FerretDB changes a document in three steps: it reads it, changes it and writes it back. Two clients that change one document at once
// would both succeed, and one change would be lost. MongoDB loses none, and tests of many clients are about that.
package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

const (
	public = ":27017"
	inside = "127.0.0.1:27018"
)

func main() {
	database, err := ferretdb.New(&ferretdb.Config{
		Listener: ferretdb.ListenerConfig{TCP: inside},
		Handler:  "sqlite",
		// What was acknowledged is with the operating system, so it outlives a kill.
		SQLiteURL: "file:/state/?_pragma=synchronous(off)",
	})
	if err != nil {
		log.Fatal(err)
	}
	ended, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	go func() {
		database.MongoDBURI() // Returns when the port inside is open.
		log.Fatal(serve())
	}()
	if err := database.Run(ended); err != nil {
		log.Fatal(err)
	}
}

// One write at a time.
var writing sync.Mutex

func serve() error {
	listener, err := net.Listen("tcp", public)
	if err != nil {
		return err
	}
	fmt.Println("Waiting for connections") // As MongoDB says it.
	for {
		client, err := listener.Accept()
		if err != nil {
			return err
		}
		go converse(client)
	}
}

// converse takes requests of one client to the server and the answers back, until either goes away.
func converse(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", inside)
	if err != nil {
		return
	}
	defer server.Close()
	for {
		request, err := receive(client)
		if err != nil {
			return
		}
		answer, err := ask(server, request)
		if err != nil {
			return
		}
		if _, err := client.Write(answer); err != nil {
			return
		}
	}
}

func ask(server net.Conn, request []byte) ([]byte, error) {
	if writes(request) {
		writing.Lock()
		defer writing.Unlock()
	}
	if _, err := server.Write(request); err != nil || isUnanswered(request) {
		return nil, err
	}
	return receive(server)
}

// A message is its length, its number, that of what it answers and its kind; OP_MSG goes on with flags and sections.
const (
	opMsg      = 2013
	firstOf    = 20         // the first section: its kind and a document
	largest    = 48_000_000 // what MongoDB takes
	moreToCome = 1 << 1     // the flag of a request without an answer
)

func receive(from io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return nil, err
	}
	length := binary.LittleEndian.Uint32(head[:])
	if length < firstOf || length > largest {
		return nil, fmt.Errorf("a message of %d bytes", length)
	}
	message := make([]byte, length)
	copy(message, head[:])
	_, err := io.ReadFull(from, message[len(head):])
	return message, err
}

func isOpMsg(message []byte) bool { return binary.LittleEndian.Uint32(message[12:]) == opMsg }

func isUnanswered(request []byte) bool {
	return isOpMsg(request) && binary.LittleEndian.Uint32(request[16:])&moreToCome != 0
}

// writes looks at the name of the command, which is that of the first field.
func writes(request []byte) bool {
	const name = firstOf + 1 + 4 + 1 // behind the section's kind, the document's length and the field's type
	if !isOpMsg(request) || len(request) <= name || request[firstOf] != 0 {
		return false
	}
	command, _, _ := bytes.Cut(request[name:], []byte{0})
	switch strings.ToLower(string(command)) {
	case "insert", "update", "delete", "findandmodify", "create", "createindexes", "drop", "dropdatabase",
		"dropindexes", "collmod", "renamecollection":
		return true
	}
	return false
}
