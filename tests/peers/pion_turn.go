// pion_turn: pion's TURN client against a server: a relayed address, packets both ways through it, and its end.
//
//	pion_turn udp|tcp|tls SERVER:PORT USER PASSWORD REALM [PACKETS]
//
// The far end is a socket of this program that gives back what it gets. Each packet must come back as it was
// sent; the first go as indications, the rest by the channel that pion binds meanwhile. Ends with 0 if all did.
package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v2"
)

func must(err error, doing string) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", doing, err)
		os.Exit(1)
	}
}

// connect gives the client's way to the server as what pion reads packets from.
func connect(kind, server, local string) net.PacketConn {
	switch kind {
	case "udp":
		conn, err := net.ListenPacket("udp4", local+":0")
		must(err, "socket")
		return conn
	case "tcp":
		conn, err := net.Dial("tcp4", server)
		must(err, "connecting")
		return turn.NewSTUNConn(conn)
	case "tls":
		conn, err := tls.Dial("tcp4", server, &tls.Config{InsecureSkipVerify: true})
		must(err, "TLS")
		return turn.NewSTUNConn(conn)
	}
	must(fmt.Errorf("udp, tcp or tls, not %q", kind), "transport")
	return nil
}

// echo gives back what comes to it, and is ended by closing its socket.
func echo(conn net.PacketConn) {
	buf := make([]byte, 2000)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		if _, err = conn.WriteTo(buf[:n], from); err != nil {
			return
		}
	}
}

func main() {
	if len(os.Args) < 6 {
		fmt.Fprintln(os.Stderr, "pion_turn udp|tcp|tls SERVER:PORT USER PASSWORD REALM [PACKETS]")
		os.Exit(2)
	}
	kind, server := os.Args[1], os.Args[2]
	packets := 100
	if len(os.Args) > 6 {
		packets, _ = strconv.Atoi(os.Args[6])
	}
	probe, err := net.Dial("udp4", server)
	must(err, "a way to the server")
	local := probe.LocalAddr().(*net.UDPAddr).IP.String()
	probe.Close()

	conn := connect(kind, server, local)
	defer conn.Close()
	client, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: server, TURNServerAddr: server, Conn: conn,
		Username: os.Args[3], Password: os.Args[4], Realm: os.Args[5],
		LoggerFactory: logging.NewDefaultLoggerFactory(),
	})
	must(err, "client")
	defer client.Close()
	must(client.Listen(), "listening")
	mapped, err := client.SendBindingRequest()
	must(err, "Binding")
	relayed, err := client.Allocate()
	must(err, "Allocate")
	fmt.Printf("mapped %v relayed %v\n", mapped, relayed.LocalAddr())

	far, err := net.ListenPacket("udp4", local+":0")
	must(err, "far end")
	defer far.Close()
	go echo(far)
	back := make([]byte, 2000)
	for i := 0; i < packets; i++ {
		text := fmt.Sprintf("packet %d of %d, of some length or other %0*d", i, packets, 1+i%900, i)
		_, err = relayed.WriteTo([]byte(text), far.LocalAddr())
		must(err, "sending")
		must(relayed.SetReadDeadline(time.Now().Add(5*time.Second)), "deadline")
		n, from, err := relayed.ReadFrom(back)
		must(err, fmt.Sprintf("receiving packet %d", i))
		if string(back[:n]) != text || from.String() != far.LocalAddr().String() {
			must(fmt.Errorf("%d bytes from %v", n, from), fmt.Sprintf("packet %d came back as another", i))
		}
	}
	must(relayed.Close(), "giving the address back")
	fmt.Printf("%d packets there and back by %s\n", packets, kind)
}
