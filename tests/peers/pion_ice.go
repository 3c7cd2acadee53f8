// pion_ice: pion's ICE as one end of a call, driven by lines like support/ice_talk.c.
//
//	pion_ice lead|follow ADDRESS [lite]
//
// Says its credentials and candidates and "end", reads the other's, then says "ready" and, after fifty packets,
// "heard". Ends with its input.
package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/pion/ice/v2"
)

const enough = 50

func must(err error, doing string) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "pion_ice: %s: %v\n", doing, err)
		os.Exit(1)
	}
}

// gather says all candidates of the agent.
func gather(agent *ice.Agent) {
	done := make(chan bool)
	ufrag, pwd, err := agent.GetLocalUserCredentials()
	must(err, "credentials")
	fmt.Printf("ice-ufrag:%s\nice-pwd:%s\n", ufrag, pwd)
	must(agent.OnCandidate(func(c ice.Candidate) {
		if c == nil {
			close(done)
			return
		}
		fmt.Printf("candidate:%s\n", c.Marshal())
	}), "gathering")
	must(agent.GatherCandidates(), "gathering")
	<-done
	fmt.Println("end")
}

// hear reads what the other says; answers its credentials.
func hear(agent *ice.Agent, input *bufio.Scanner) (ufrag, pwd string) {
	for input.Scan() && input.Text() != "end" {
		name, value, _ := strings.Cut(input.Text(), ":")
		switch name {
		case "ice-ufrag":
			ufrag = value
		case "ice-pwd":
			pwd = value
		case "candidate":
			c, err := ice.UnmarshalCandidate(value)
			must(err, value)
			must(agent.AddRemoteCandidate(c), value)
		}
	}
	return
}

func main() {
	lead, here := os.Args[1] == "lead", net.ParseIP(os.Args[2])
	lite := len(os.Args) > 3 && os.Args[3] == "lite"
	kinds := []ice.CandidateType{ice.CandidateTypeHost}
	agent, err := ice.NewAgent(&ice.AgentConfig{
		NetworkTypes:     []ice.NetworkType{ice.NetworkTypeUDP4},
		CandidateTypes:   kinds,
		MulticastDNSMode: ice.MulticastDNSModeDisabled,
		IPFilter:         func(ip net.IP) bool { return ip.Equal(here) },
		Lite:             lite,
	})
	must(err, "the agent")
	gather(agent)
	input := bufio.NewScanner(os.Stdin)
	ufrag, pwd := hear(agent, input)
	connect := agent.Accept
	if lead {
		connect = agent.Dial
	}
	conn, err := connect(context.Background(), ufrag, pwd)
	must(err, "connecting")
	fmt.Println("ready")
	go func() {
		for range time.Tick(20 * time.Millisecond) {
			if _, err := conn.Write([]byte("\x80media..........")); err != nil {
				return
			}
		}
	}()
	go func() {
		buf := make([]byte, 2000)
		for heard := 0; ; {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			if !bytes.HasPrefix(buf[:n], []byte("\x80media")) {
				must(fmt.Errorf("%q", buf[:n]), "what came is no media")
			}
			if heard++; heard == enough {
				fmt.Println("heard")
			}
		}
	}()
	for input.Scan() {
	}
	must(agent.Close(), "closing")
}
