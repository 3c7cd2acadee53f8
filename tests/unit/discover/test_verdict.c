#include "discover/verdict.h"

#include "support/test.h"

#define EI PTN_DISCOVER_ENDPOINT_INDEPENDENT
#define AD PTN_DISCOVER_ADDRESS_DEPENDENT
#define APD PTN_DISCOVER_ADDRESS_AND_PORT_DEPENDENT
#define NOT_KNOWN PTN_DISCOVER_SEES_UNKNOWN

/* Far ends A and B with two ports each; a mapped port for each, 0: not seen. */
TEST(the_mapping_is_told_from_whatever_far_ends_were_heard)
{
    static const struct {
        uint16_t a1, a2, b1, b2;
        enum ptn_discover_sees mapping;
    } cases[] = {
        {5, 5, 5, 5, EI},        {5, 0, 5, 0, EI},
        {5, 0, 0, 5, EI},        {5, 5, 6, 6, AD},
        {5, 6, 7, 8, APD},       {5, 6, 0, 0, APD},
        {5, 6, 5, 6, APD},       {5, 0, 6, 0, PTN_DISCOVER_DEPENDENT},
        {5, 5, 6, 0, AD},        {5, 0, 6, 7, APD},
        {5, 5, 0, 0, NOT_KNOWN}, {5, 0, 0, 0, NOT_KNOWN},
        {0, 0, 0, 0, NOT_KNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const uint16_t ports[] = {cases[i].a1, cases[i].a2, cases[i].b1, cases[i].b2};
        struct ptn_discover_sighting seen[4];
        size_t count = 0;

        for (unsigned k = 0; k < 4; k++)
            if (ports[k])
                seen[count++] = (struct ptn_discover_sighting){
                    ptn_addr_v4(192, 0, 2, k < 2 ? 1 : 2, k % 2 ? 3479 : 3478),
                    ptn_addr_v4(198, 51, 100, 1, ports[k])};
        CHECK_EQ(cases[i].mapping, ptn_discover_mapping(seen, count));
    }
}

TEST(silence_is_a_filter_only_when_the_answer_could_have_come)
{
    enum {
        yes = PTN_DISCOVER_ANSWERED,
        no = PTN_DISCOVER_SILENT,
        never = PTN_DISCOVER_NOT_GRANTED
    };
    static const struct {
        int control, from_other, from_port, at_other, at_port;
        bool has_other;
        enum ptn_discover_sees filtering;
        enum ptn_discover_why why;
    } cases[] = {
        {yes, yes, yes, yes, yes, true, EI, PTN_DISCOVER_WHY_NONE},
        {no, yes, no, no, no, false, EI, PTN_DISCOVER_WHY_NONE},
        {yes, no, yes, yes, yes, true, AD, PTN_DISCOVER_WHY_NONE},
        {yes, no, no, yes, yes, true, APD, PTN_DISCOVER_WHY_NONE},
        {no, no, no, yes, yes, true, NOT_KNOWN, PTN_DISCOVER_OUT_OF_TIME},
        {yes, no, no, no, yes, true, NOT_KNOWN, PTN_DISCOVER_ALTERNATE_SILENT},
        {yes, no, no, yes, no, true, NOT_KNOWN, PTN_DISCOVER_ALTERNATE_SILENT},
        {yes, no, no, yes, yes, false, NOT_KNOWN, PTN_DISCOVER_ONE_ADDRESS},
        {yes, never, never, yes, yes, true, NOT_KNOWN, PTN_DISCOVER_ONE_ADDRESS},
        {yes, no, PTN_DISCOVER_ASKING, yes, yes, true, NOT_KNOWN, PTN_DISCOVER_OUT_OF_TIME},
        {yes, PTN_DISCOVER_ASKING, no, yes, yes, true, NOT_KNOWN, PTN_DISCOVER_OUT_OF_TIME},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ptn_discover_filter_evidence e = {
            .control = (enum ptn_discover_question_state)cases[i].control,
            .from_other = (enum ptn_discover_question_state)cases[i].from_other,
            .from_port = (enum ptn_discover_question_state)cases[i].from_port,
            .at_other = (enum ptn_discover_question_state)cases[i].at_other,
            .at_port = (enum ptn_discover_question_state)cases[i].at_port,
            .has_other = cases[i].has_other,
        };
        enum ptn_discover_why why;
        CHECK_EQ(cases[i].filtering, ptn_discover_filtering(&e, &why));
        CHECK_EQ(cases[i].why, why);
    }
}

TEST(the_classic_tree_names_every_place)
{
    static const struct {
        enum ptn_discover_fact nat;
        enum ptn_discover_sees mapping, filtering;
        enum ptn_discover_type type;
    } cases[] = {
        {PTN_DISCOVER_UNKNOWN, EI, EI, PTN_DISCOVER_TYPE_UNKNOWN},
        {PTN_DISCOVER_NO, EI, EI, PTN_DISCOVER_OPEN},
        {PTN_DISCOVER_NO, NOT_KNOWN, AD, PTN_DISCOVER_UDP_FIREWALL},
        {PTN_DISCOVER_NO, EI, APD, PTN_DISCOVER_UDP_FIREWALL},
        {PTN_DISCOVER_NO, EI, NOT_KNOWN, PTN_DISCOVER_TYPE_UNKNOWN},
        {PTN_DISCOVER_YES, EI, EI, PTN_DISCOVER_FULL_CONE},
        {PTN_DISCOVER_YES, EI, AD, PTN_DISCOVER_ADDRESS_RESTRICTED},
        {PTN_DISCOVER_YES, EI, APD, PTN_DISCOVER_PORT_RESTRICTED},
        {PTN_DISCOVER_YES, EI, NOT_KNOWN, PTN_DISCOVER_TYPE_UNKNOWN},
        {PTN_DISCOVER_YES, AD, EI, PTN_DISCOVER_SYMMETRIC},
        {PTN_DISCOVER_YES, APD, NOT_KNOWN, PTN_DISCOVER_SYMMETRIC},
        {PTN_DISCOVER_YES, PTN_DISCOVER_DEPENDENT, APD, PTN_DISCOVER_SYMMETRIC},
        {PTN_DISCOVER_YES, NOT_KNOWN, APD, PTN_DISCOVER_TYPE_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK_EQ(cases[i].type,
                 ptn_discover_tree(cases[i].nat, cases[i].mapping, cases[i].filtering));
}
