#include "playbill.h"

#include "support/test.h"

enum { SERVER, ALICE, BOB, PROGRAMS };

/* A server in the background, alice after 1 s, bob once the server is ready; all but the rows a
 * test changes. */
struct fixture {
    struct ptn_scenario_host host;
    struct ptn_scenario_program programs[PROGRAMS];
    struct ptn_scenario scenario;
    struct ptn_playbill *p;
};

static void prepare(struct fixture *f)
{
    *f = (struct fixture){
        .host = {.name = "house"},
        .programs = {{.name = "server", .wait_for = -1, .stop = PTN_NEVER, .background = true},
                     {.name = "alice", .wait_for = -1, .stop = PTN_NEVER, .start = PTN_S(1)},
                     {.name = "bob",
                      .wait_for = SERVER,
                      .wait_text = "ready",
                      .start = PTN_MS(10),
                      .stop = PTN_NEVER}},
    };
    f->scenario = (struct ptn_scenario){
        .hosts = &f->host, .host_count = 1, .programs = f->programs, .program_count = PROGRAMS};
}

static void open_curtain(struct fixture *f)
{
    CHECK_EQ(PTN_OK, ptn_playbill_new(&f->p, &f->scenario, PTN_S(100)));
}

#define CHECK_STEP(f, now, what_, program_)                                                        \
    do {                                                                                           \
        struct ptn_playbill_step step_;                                                            \
        CHECK(ptn_playbill_step((f)->p, now, &step_));                                             \
        CHECK_EQ(what_, step_.what);                                                               \
        CHECK_EQ(program_, step_.program);                                                         \
    } while (0)

static void check_idle_until(struct fixture *f, ptn_time now, ptn_time due)
{
    struct ptn_playbill_step step;

    CHECK(!ptn_playbill_step(f->p, now, &step));
    CHECK_EQ(due, ptn_playbill_deadline(f->p));
}

/* All three run at 101 s. */
static void start_all(struct fixture *f)
{
    open_curtain(f);
    CHECK_STEP(f, PTN_S(100), PTN_PLAYBILL_START, SERVER);
    ptn_playbill_line(f->p, PTN_S(100), SERVER, "now ready.");
    CHECK_STEP(f, PTN_S(101), PTN_PLAYBILL_START, ALICE);
    CHECK_STEP(f, PTN_S(101), PTN_PLAYBILL_START, BOB);
}

TEST(programs_start_at_their_times_and_at_words)
{
    struct fixture f;

    prepare(&f);
    open_curtain(&f);
    CHECK_STEP(&f, PTN_S(100), PTN_PLAYBILL_START, SERVER);
    check_idle_until(&f, PTN_S(100), PTN_S(101));
    ptn_playbill_line(f.p, PTN_S(100), SERVER, "not yet");
    ptn_playbill_line(f.p, PTN_S(100), ALICE, "ready");
    check_idle_until(&f, PTN_S(100), PTN_S(101));
    ptn_playbill_line(f.p, PTN_S(100) + PTN_MS(500), SERVER, "I am ready now");
    check_idle_until(&f, PTN_S(100) + PTN_MS(500), PTN_S(100) + PTN_MS(510));
    CHECK_STEP(&f, PTN_S(100) + PTN_MS(510), PTN_PLAYBILL_START, BOB);
    CHECK_STEP(&f, PTN_S(101), PTN_PLAYBILL_START, ALICE);
    check_idle_until(&f, PTN_S(101), PTN_NEVER);
    ptn_playbill_free(f.p);
}

TEST(it_is_over_when_main_programs_ended_and_the_background_was_stopped)
{
    struct fixture f;

    prepare(&f);
    start_all(&f);
    ptn_playbill_ended(f.p, PTN_S(102), ALICE, 0);
    check_idle_until(&f, PTN_S(102), PTN_NEVER);
    ptn_playbill_ended(f.p, PTN_S(103), BOB, 0);
    CHECK(!ptn_playbill_over(f.p));
    CHECK_STEP(&f, PTN_S(103), PTN_PLAYBILL_TERMINATE, SERVER);
    check_idle_until(&f, PTN_S(103), PTN_S(103) + PTN_PLAYBILL_GRACE);
    ptn_playbill_ended(f.p, PTN_S(104), SERVER, 143);
    CHECK(ptn_playbill_over(f.p));
    CHECK_STR("", ptn_playbill_surprise(f.p));
    ptn_playbill_free(f.p);
}

TEST(who_ignores_sigterm_is_killed_once_after_the_grace)
{
    struct fixture f;

    prepare(&f);
    start_all(&f);
    ptn_playbill_ended(f.p, PTN_S(102), ALICE, 0);
    ptn_playbill_ended(f.p, PTN_S(102), BOB, 0);
    CHECK_STEP(&f, PTN_S(102), PTN_PLAYBILL_TERMINATE, SERVER);
    CHECK_STEP(&f, PTN_S(102) + PTN_PLAYBILL_GRACE, PTN_PLAYBILL_KILL, SERVER);
    check_idle_until(&f, PTN_S(200), PTN_NEVER);
    ptn_playbill_free(f.p);
}

TEST(the_first_unexpected_end_stops_the_rest_and_is_told)
{
    struct fixture f;

    prepare(&f);
    start_all(&f);
    ptn_playbill_ended(f.p, PTN_S(102), SERVER, 139);
    CHECK_STEP(&f, PTN_S(102), PTN_PLAYBILL_TERMINATE, ALICE);
    CHECK_STEP(&f, PTN_S(102), PTN_PLAYBILL_TERMINATE, BOB);
    ptn_playbill_ended(f.p, PTN_S(103), ALICE, 1);
    ptn_playbill_ended(f.p, PTN_S(103), BOB, 143);
    CHECK(ptn_playbill_over(f.p));
    CHECK_STR("server on house ended with 139, not 0", ptn_playbill_surprise(f.p));
    ptn_playbill_free(f.p);
}

TEST(an_expected_failure_is_no_surprise_but_its_success_is)
{
    struct fixture f;

    for (int status = 0; status <= 3; status += 3) {
        prepare(&f);
        f.programs[ALICE].exit_expected = 3;
        start_all(&f);
        ptn_playbill_ended(f.p, PTN_S(102), ALICE, status);
        CHECK_STR(status == 3 ? "" : "alice on house ended with 0, not 3",
                  ptn_playbill_surprise(f.p));
        ptn_playbill_free(f.p);
    }
}

TEST(until_ends_a_program_without_looking_at_its_exit_code)
{
    struct fixture f;

    prepare(&f);
    f.programs[ALICE].stop = PTN_S(30);
    start_all(&f);
    check_idle_until(&f, PTN_S(129), PTN_S(130));
    CHECK_STEP(&f, PTN_S(130), PTN_PLAYBILL_TERMINATE, ALICE);
    ptn_playbill_ended(f.p, PTN_S(130), ALICE, 1);
    CHECK_STR("", ptn_playbill_surprise(f.p));
    check_idle_until(&f, PTN_S(131), PTN_NEVER);
    ptn_playbill_free(f.p);
}

TEST(waiting_for_words_of_one_who_has_ended_is_a_surprise)
{
    struct fixture f;

    prepare(&f);
    open_curtain(&f);
    CHECK_STEP(&f, PTN_S(100), PTN_PLAYBILL_START, SERVER);
    ptn_playbill_ended(f.p, PTN_S(100), SERVER, 0);
    CHECK_STR("bob waits for server to say \"ready\", but that has ended",
              ptn_playbill_surprise(f.p));
    CHECK(ptn_playbill_over(f.p));
    ptn_playbill_free(f.p);
}

TEST(stop_is_a_surprise_only_while_a_main_program_has_not_ended)
{
    struct fixture f;

    prepare(&f);
    start_all(&f);
    ptn_playbill_stop(f.p, PTN_S(102));
    CHECK_STR("stopped before all programs had ended", ptn_playbill_surprise(f.p));
    ptn_playbill_free(f.p);

    prepare(&f);
    f.scenario.program_count = 1;
    open_curtain(&f);
    CHECK_STEP(&f, PTN_S(100), PTN_PLAYBILL_START, SERVER);
    CHECK(!ptn_playbill_over(f.p));
    ptn_playbill_stop(f.p, PTN_S(102));
    CHECK_STEP(&f, PTN_S(102), PTN_PLAYBILL_TERMINATE, SERVER);
    ptn_playbill_stop(f.p, PTN_S(103));
    CHECK_STEP(&f, PTN_S(103), PTN_PLAYBILL_KILL, SERVER);
    ptn_playbill_ended(f.p, PTN_S(103), SERVER, 137);
    CHECK(ptn_playbill_over(f.p));
    CHECK_STR("", ptn_playbill_surprise(f.p));
    ptn_playbill_free(f.p);
}

TEST(without_programs_it_goes_on_until_stopped)
{
    struct fixture f;

    prepare(&f);
    f.scenario.program_count = 0;
    open_curtain(&f);
    check_idle_until(&f, PTN_S(1000), PTN_NEVER);
    CHECK(!ptn_playbill_over(f.p));
    ptn_playbill_stop(f.p, PTN_S(1000));
    CHECK(ptn_playbill_over(f.p));
    CHECK_STR("", ptn_playbill_surprise(f.p));
    ptn_playbill_free(f.p);
}
