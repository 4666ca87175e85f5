// SPDX-License-Identifier: GPL-3.0-or-later
// One suite in CMocka's vocabulary, valid as C and as C++. prove_cmocka_compat.py builds it against libcmocka and, with
// CMOCKA_COMPAT, against cmocka_compat.h, and demands the same verdict for every test. Tests named "...Fails" are meant to
// fail, "...Skips" to be skipped, "...Errs" to end in an error of their fixture.
//
// usage: cmocka_suite GROUP     runs one group; exits with the number of tests that failed
//        cmocka_suite           lists the groups
#ifdef CMOCKA_COMPAT
#include "cmocka_compat.h"
#else
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNUSED(name) (void)(name)

// --- assertions -----------------------------------------------------------------------------------------------

#define PASSING(name, statement) \
  static void name(void **state) { \
    UNUSED(state); \
    statement; \
  }
// A test that fails must also leave: what stands behind the failure would be a crash.
#define FAILING(name, statement) \
  static void name(void **state) { \
    UNUSED(state); \
    statement; \
    abort(); \
  }

static int someObject;
static const LargestIntegralType primes[] = {2, 3, 5, 7};

PASSING(trueHolds, assert_true(1 == 1); assert_true(&someObject); assert_false(0))
FAILING(trueOfZeroFails, assert_true(0))
FAILING(trueOfHalfFails, assert_true(0.5))
FAILING(falseOfOneFails, assert_false(2 > 1))
PASSING(nullHolds, assert_null(NULL); assert_non_null(&someObject))
FAILING(nullOfObjectFails, assert_null(&someObject))
FAILING(nonNullOfNullFails, assert_non_null(NULL))
PASSING(intsHold, assert_int_equal(3, 3L); assert_int_not_equal(3, 4); assert_int_equal(-1, -1);
        assert_int_not_equal(-1, 0xffffffffU); assert_int_equal(-1, ~0ULL))
FAILING(intEqualFails, assert_int_equal(3, 4))
FAILING(intNotEqualFails, assert_int_not_equal(4, 4))
PASSING(pointersHold, assert_ptr_equal(&someObject, &someObject);
        assert_ptr_not_equal(&someObject, NULL))
FAILING(pointersEqualFails, assert_ptr_equal(&someObject, NULL))
FAILING(pointersNotEqualFails, assert_ptr_not_equal(&someObject, &someObject))
PASSING(stringsHold, assert_string_equal("a", "a"); assert_string_not_equal("a", "b"))
FAILING(stringEqualFails, assert_string_equal("a", "b"))
FAILING(stringNotEqualFails, assert_string_not_equal("a", "a"))
PASSING(memoryHolds, assert_memory_equal("abc", "abd", 2); assert_memory_not_equal("abc", "abd", 3))
FAILING(memoryEqualFails, assert_memory_equal("abc", "abd", 3))
FAILING(memoryNotEqualFails, assert_memory_not_equal("abc", "abd", 2))
PASSING(rangesHold, assert_in_range(5, 5, 5); assert_in_range(6, 5, 9); assert_not_in_range(4, 5, 9))
FAILING(rangeFails, assert_in_range(10, 5, 9))
FAILING(rangeOfNegativeFails, assert_in_range(-1, 0, 9))
FAILING(notInRangeFails, assert_not_in_range(7, 5, 9))
PASSING(setsHold, assert_in_set(5, primes, 4); assert_not_in_set(4, primes, 4))
FAILING(setFails, assert_in_set(7, primes, 3))
FAILING(notInSetFails, assert_not_in_set(7, primes, 4))
PASSING(floatsHold, assert_float_equal(0.5, 0.50001, 0.001); assert_float_not_equal(0.5, 0.6, 0.01))
FAILING(floatEqualFails, assert_float_equal(0.5, 0.6, 0.01))
FAILING(floatNotEqualFails, assert_float_not_equal(0.5, 0.5, 0.01))
PASSING(returnCodesHold, assert_return_code(0, 0); assert_return_code(5, 0))
FAILING(returnCodeFails, assert_return_code(-1, 2))
FAILING(failFails, fail())
FAILING(failWithMessageFails, fail_msg("%s is %d", "it", 7))
FAILING(skipSkips, skip())

static const struct CMUnitTest assertions[] = {
    cmocka_unit_test(trueHolds), cmocka_unit_test(trueOfZeroFails), cmocka_unit_test(trueOfHalfFails),
    cmocka_unit_test(falseOfOneFails), cmocka_unit_test(nullHolds),
    cmocka_unit_test(nullOfObjectFails), cmocka_unit_test(nonNullOfNullFails),
    cmocka_unit_test(intsHold), cmocka_unit_test(intEqualFails), cmocka_unit_test(intNotEqualFails),
    cmocka_unit_test(pointersHold), cmocka_unit_test(pointersEqualFails),
    cmocka_unit_test(pointersNotEqualFails), cmocka_unit_test(stringsHold),
    cmocka_unit_test(stringEqualFails), cmocka_unit_test(stringNotEqualFails),
    cmocka_unit_test(memoryHolds), cmocka_unit_test(memoryEqualFails),
    cmocka_unit_test(memoryNotEqualFails), cmocka_unit_test(rangesHold),
    cmocka_unit_test(rangeFails), cmocka_unit_test(rangeOfNegativeFails),
    cmocka_unit_test(notInRangeFails), cmocka_unit_test(setsHold), cmocka_unit_test(setFails),
    cmocka_unit_test(notInSetFails), cmocka_unit_test(floatsHold), cmocka_unit_test(floatEqualFails),
    cmocka_unit_test(floatNotEqualFails), cmocka_unit_test(returnCodesHold),
    cmocka_unit_test(returnCodeFails), cmocka_unit_test(failFails),
    cmocka_unit_test(failWithMessageFails), cmocka_unit_test(skipSkips),
};

// --- mocks: values to return ----------------------------------------------------------------------------------

static int roll(void) { return mock_type(int); }
static const char *label(void) { return mock_ptr_type(const char *); }

PASSING(valuesComeInOrder, will_return(roll, 1); will_return(roll, 2);
        assert_int_equal(roll(), 1); assert_int_equal(roll(), 2))
PASSING(pointersAreReturned, will_return(label, "x"); assert_string_equal(label(), "x"))
PASSING(functionsHaveQueuesOfTheirOwn, will_return(roll, 1); will_return(label, "x");
        assert_string_equal(label(), "x"); assert_int_equal(roll(), 1))
PASSING(countIsTaken, will_return_count(roll, 6, 2); will_return(roll, 5); assert_int_equal(roll(), 6);
        assert_int_equal(roll(), 6); assert_int_equal(roll(), 5))
PASSING(countNotUsedUpFails, will_return_count(roll, 6, 2); roll())
PASSING(alwaysIsAlways, will_return_always(roll, 4); roll(); roll(); assert_int_equal(roll(), 4))
PASSING(alwaysNeverUsedFails, will_return_always(roll, 4))
PASSING(maybeUsed, will_return_maybe(roll, 4); assert_int_equal(roll(), 4))
PASSING(maybeNeverUsed, will_return_maybe(roll, 4))
PASSING(valueLeftFails, will_return(roll, 1))
FAILING(noValueFails, roll())
FAILING(oneValueTooFewFails, will_return(roll, 1); roll(); roll())
// A failed test's values do not reach the next.
FAILING(failureWithValuesLeftFails, will_return(roll, 1); fail())
PASSING(valuesOfAFailedTestAreGone, will_return(roll, 2); assert_int_equal(roll(), 2))
PASSING(skipWithValuesLeftSkips, will_return(roll, 1); skip())

static const struct CMUnitTest values[] = {
    cmocka_unit_test(valuesComeInOrder), cmocka_unit_test(pointersAreReturned),
    cmocka_unit_test(functionsHaveQueuesOfTheirOwn), cmocka_unit_test(countIsTaken),
    cmocka_unit_test(countNotUsedUpFails), cmocka_unit_test(alwaysIsAlways),
    cmocka_unit_test(alwaysNeverUsedFails), cmocka_unit_test(maybeUsed),
    cmocka_unit_test(maybeNeverUsed), cmocka_unit_test(valueLeftFails), cmocka_unit_test(noValueFails),
    cmocka_unit_test(oneValueTooFewFails), cmocka_unit_test(failureWithValuesLeftFails),
    cmocka_unit_test(valuesOfAFailedTestAreGone), cmocka_unit_test(skipWithValuesLeftSkips),
};

// --- mocks: expected parameters -------------------------------------------------------------------------------

static void put(int key, const char *text) {
  check_expected(key);
  check_expected_ptr(text);
}
static void take(int number) { check_expected(number); }
static void send(const char *bytes) { check_expected_ptr(bytes); }
static int isEven(const LargestIntegralType value, const LargestIntegralType data) {
  return value % data == 0;
}
#define SET(name) static const LargestIntegralType name[] = {1, 4, 9}
SET(squares);

PASSING(valuesExpected, expect_value(put, key, 7); expect_string(put, text, "seven"); put(7, "seven"))
FAILING(wrongValueFails, expect_value(take, number, 7); take(8))
FAILING(wrongStringFails, expect_string(send, bytes, "a"); send("b"))
FAILING(nothingExpectedFails, take(1))
PASSING(neverCalledFails, expect_value(take, number, 1))
FAILING(oneOfTwoParametersFails, expect_value(put, key, 7); put(7, "x"))
PASSING(notValue, expect_not_value(take, number, 7); take(8))
FAILING(notValueFails, expect_not_value(take, number, 7); take(7))
PASSING(notString, expect_not_string(send, bytes, "a"); send("b"))
FAILING(notStringFails, expect_not_string(send, bytes, "a"); send("a"))
PASSING(memoryExpected, expect_memory(send, bytes, "abX", 2); send("abY"))
FAILING(wrongMemoryFails, expect_memory(send, bytes, "abX", 3); send("abY"))
PASSING(notMemory, expect_not_memory(send, bytes, "abX", 3); send("abY"))
FAILING(notMemoryFails, expect_not_memory(send, bytes, "ab", 2); send("ab"))
PASSING(rangeExpected, expect_in_range(take, number, 1, 3); take(3))
FAILING(outOfRangeFails, expect_in_range(take, number, 1, 3); take(4))
PASSING(notInRange, expect_not_in_range(take, number, 1, 3); take(4))
FAILING(withinForbiddenRangeFails, expect_not_in_range(take, number, 1, 3); take(2))
PASSING(setExpected, expect_in_set(take, number, squares); take(4))
FAILING(outOfSetFails, expect_in_set(take, number, squares); take(5))
PASSING(notInSet, expect_not_in_set(take, number, squares); take(5))
FAILING(withinForbiddenSetFails, expect_not_in_set(take, number, squares); take(9))
PASSING(anythingExpected, expect_any(take, number); take(-99))
PASSING(anythingNeverCalledFails, expect_any(take, number))
PASSING(anythingAlways, expect_any_always(take, number); take(1); take(2))
PASSING(countExpected, expect_value_count(take, number, 7, 2); take(7); take(7))
PASSING(countNotReachedFails, expect_value_count(take, number, 7, 3); take(7); take(7))
FAILING(countExceededFails, expect_value_count(take, number, 7, 1); take(7); take(7))
PASSING(checkedByFunction, expect_check(take, number, isEven, 2); take(4))
FAILING(checkedByFunctionFails, expect_check(take, number, isEven, 2); take(5))
PASSING(orderOfExpectations, expect_value(take, number, 1); expect_value(take, number, 2); take(1);
        take(2))
FAILING(wrongOrderOfExpectationsFails, expect_value(take, number, 1); expect_value(take, number, 2);
        take(2))

static const struct CMUnitTest parameters[] = {
    cmocka_unit_test(valuesExpected), cmocka_unit_test(wrongValueFails),
    cmocka_unit_test(wrongStringFails), cmocka_unit_test(nothingExpectedFails),
    cmocka_unit_test(neverCalledFails), cmocka_unit_test(oneOfTwoParametersFails),
    cmocka_unit_test(notValue), cmocka_unit_test(notValueFails), cmocka_unit_test(notString),
    cmocka_unit_test(notStringFails), cmocka_unit_test(memoryExpected),
    cmocka_unit_test(wrongMemoryFails), cmocka_unit_test(notMemory), cmocka_unit_test(notMemoryFails),
    cmocka_unit_test(rangeExpected), cmocka_unit_test(outOfRangeFails), cmocka_unit_test(notInRange),
    cmocka_unit_test(withinForbiddenRangeFails), cmocka_unit_test(setExpected),
    cmocka_unit_test(outOfSetFails), cmocka_unit_test(notInSet),
    cmocka_unit_test(withinForbiddenSetFails), cmocka_unit_test(anythingExpected),
    cmocka_unit_test(anythingNeverCalledFails), cmocka_unit_test(anythingAlways),
    cmocka_unit_test(countExpected), cmocka_unit_test(countNotReachedFails),
    cmocka_unit_test(countExceededFails), cmocka_unit_test(checkedByFunction),
    cmocka_unit_test(checkedByFunctionFails), cmocka_unit_test(orderOfExpectations),
    cmocka_unit_test(wrongOrderOfExpectationsFails),
};

// --- mocks: order of calls ------------------------------------------------------------------------------------

static void first(void) { function_called(); }
static void second(void) { function_called(); }
static void logIt(void) { function_called(); }

PASSING(callsInOrder, expect_function_call(first); expect_function_call(second); first(); second())
FAILING(callsOutOfOrderFails, expect_function_call(first); expect_function_call(second); second())
FAILING(unexpectedCallFails, first())
PASSING(callMissingFails, expect_function_call(first))
PASSING(callsCounted, expect_function_calls(first, 2); expect_function_call(second); first(); first();
        second())
FAILING(callsTooManyFails, expect_function_calls(first, 2); first(); first(); first())
PASSING(callsTooFewFails, expect_function_calls(first, 2); first())
PASSING(ignoredCalls, ignore_function_calls(logIt); expect_function_call(first); logIt(); first();
        logIt())
PASSING(ignoredAndNeverCalled, ignore_function_calls(logIt); expect_function_call(first); first())
FAILING(notAmongIgnoredFails, ignore_function_calls(logIt); expect_function_call(first); second())
PASSING(anyNumberOfCalls, expect_function_call_any(logIt); expect_function_call(first); logIt();
        logIt(); first())
PASSING(anyNumberButNoneFails, expect_function_call_any(logIt))

static const struct CMUnitTest calls[] = {
    cmocka_unit_test(callsInOrder), cmocka_unit_test(callsOutOfOrderFails),
    cmocka_unit_test(unexpectedCallFails), cmocka_unit_test(callMissingFails),
    cmocka_unit_test(callsCounted), cmocka_unit_test(callsTooManyFails),
    cmocka_unit_test(callsTooFewFails), cmocka_unit_test(ignoredCalls),
    cmocka_unit_test(ignoredAndNeverCalled), cmocka_unit_test(notAmongIgnoredFails),
    cmocka_unit_test(anyNumberOfCalls), cmocka_unit_test(anyNumberButNoneFails),
};

// --- assert() and memory --------------------------------------------------------------------------------------

static void divide(int by) { mock_assert(by != 0, "by != 0", __FILE__, __LINE__); }
static char *block(size_t size) { return (char *)test_malloc(size); }

PASSING(assertExpected, expect_assert_failure(divide(0)))
FAILING(assertThatHoldsFails, expect_assert_failure(divide(1)))
FAILING(assertNotExpectedFails, divide(0))
PASSING(assertExpectedTwice, expect_assert_failure(divide(0)); divide(1); expect_assert_failure(divide(0)))

PASSING(memoryFreed, test_free(block(10)); test_free(NULL))
PASSING(memoryLeftFails, UNUSED(block(10)))
PASSING(memoryAfterAFailure, test_free(block(10)))

static void overrunFails(void **state) {
  char *memory = block(10);
  UNUSED(state);
  memory[10] = 1;
  test_free(memory);
  abort();
}
static void underrunFails(void **state) {
  char *memory = block(10);
  UNUSED(state);
  memory[-1] = 1;
  test_free(memory);
  abort();
}
static void memoryGrows(void **state) {
  char *memory = (char *)test_calloc(2, 3);
  UNUSED(state);
  assert_memory_equal(memory, "\0\0\0\0\0\0", 6);
  strcpy(memory, "abcde");
  memory = (char *)test_realloc(memory, 100);
  assert_string_equal(memory, "abcde");
  test_free(memory);
}

static const struct CMUnitTest resources[] = {
    cmocka_unit_test(assertExpected), cmocka_unit_test(assertThatHoldsFails),
    cmocka_unit_test(assertNotExpectedFails), cmocka_unit_test(assertExpectedTwice),
    cmocka_unit_test(memoryFreed), cmocka_unit_test(memoryLeftFails),
    cmocka_unit_test(memoryAfterAFailure), cmocka_unit_test(overrunFails),
    cmocka_unit_test(underrunFails), cmocka_unit_test(memoryGrows),
};

// --- fixtures and state ---------------------------------------------------------------------------------------

static int number = 42;
static int other = 7;
static int torndown;

static int setNumber(void **state) {
  *state = &number;
  return 0;
}
static int allocate(void **state) {
  *state = test_malloc(16);
  return 0;
}
static int release(void **state) {
  test_free(*state);
  return 0;
}
static int countTeardown(void **state) {
  UNUSED(state);
  ++torndown;
  return 0;
}
static int returnOne(void **state) {
  UNUSED(state);
  return 1;
}
static int assertInFixture(void **state) {
  UNUSED(state);
  assert_true(0);
  return 0;
}
static int leaveValue(void **state) {
  UNUSED(state);
  will_return(roll, 1);
  return 0;
}
static int useOwnValue(void **state) {
  UNUSED(state);
  will_return(roll, 1);
  return roll() == 1 ? 0 : 1;
}

static void seesNumber(void **state) { assert_ptr_equal(*state, &number); }
static void seesOther(void **state) { assert_ptr_equal(*state, &other); }
static void seesNothing(void **state) { assert_null(*state); }
static void replacesState(void **state) { *state = &other; }
static void writesBlock(void **state) { memset(*state, 1, 16); }
PASSING(passes, (void)0)
FAILING(bodyFails, fail())
FAILING(bodySkips, skip())
PASSING(torndownOnce, assert_int_equal(torndown, 1))
PASSING(torndownTwice, assert_int_equal(torndown, 2))
PASSING(torndownThrice, assert_int_equal(torndown, 3))
PASSING(setupReturnsOneErrs, abort())
PASSING(setupAssertsErrs, abort())
PASSING(setupLeavesValueErrs, abort())
PASSING(teardownReturnsOneErrs, (void)0)
PASSING(teardownAssertsErrs, (void)0)
FAILING(bodyAndTeardownErrs, fail())
PASSING(setupBlockLeft, (void)0)

static const struct CMUnitTest fixtures[] = {
    cmocka_unit_test(seesNothing),
    cmocka_unit_test_setup(seesNumber, setNumber),
    cmocka_unit_test(seesNothing),
    cmocka_unit_test_prestate(seesOther, &other),
    cmocka_unit_test_prestate_setup_teardown(seesNumber, setNumber, NULL, &other),
    cmocka_unit_test_setup_teardown(writesBlock, allocate, release),
    cmocka_unit_test_teardown(passes, countTeardown),
    cmocka_unit_test(torndownOnce),
    cmocka_unit_test_teardown(bodyFails, countTeardown),
    cmocka_unit_test(torndownTwice),
    cmocka_unit_test_teardown(bodySkips, countTeardown),
    cmocka_unit_test(torndownThrice),
    cmocka_unit_test_setup_teardown(setupReturnsOneErrs, returnOne, countTeardown),
    cmocka_unit_test_setup_teardown(setupAssertsErrs, assertInFixture, countTeardown),
    cmocka_unit_test_setup(setupLeavesValueErrs, leaveValue),
    cmocka_unit_test_setup_teardown(torndownThrice, useOwnValue, useOwnValue),
    cmocka_unit_test_teardown(teardownReturnsOneErrs, returnOne),
    cmocka_unit_test_teardown(teardownAssertsErrs, assertInFixture),
    cmocka_unit_test_teardown(bodyAndTeardownErrs, returnOne),
    cmocka_unit_test_setup(setupBlockLeft, allocate),
};

static const struct CMUnitTest shared[] = {
    cmocka_unit_test(seesNumber),
    cmocka_unit_test(replacesState),
    cmocka_unit_test(seesNumber),
    cmocka_unit_test_prestate(seesNumber, &other),  // the group's state is stronger
};
static const struct CMUnitTest brokenSetup[] = {cmocka_unit_test(passes), cmocka_unit_test(bodyFails)};
static const struct CMUnitTest assertingSetup[] = {cmocka_unit_test(passes)};
static const struct CMUnitTest brokenTeardown[] = {cmocka_unit_test(passes)};
static const struct CMUnitTest allWell[] = {cmocka_unit_test(passes), cmocka_unit_test(seesNothing)};

#define GROUP(name, setup, teardown) \
  if (argc == 1) puts(#name); \
  if (argc > 1 && strcmp(argv[1], #name) == 0) return cmocka_run_group_tests(name, setup, teardown)

int main(int argc, char **argv) {
  GROUP(assertions, NULL, NULL);
  GROUP(values, NULL, NULL);
  GROUP(parameters, NULL, NULL);
  GROUP(calls, NULL, NULL);
  GROUP(resources, NULL, NULL);
  GROUP(fixtures, NULL, NULL);
  GROUP(shared, setNumber, countTeardown);
  GROUP(brokenSetup, returnOne, countTeardown);
  GROUP(assertingSetup, assertInFixture, NULL);
  GROUP(brokenTeardown, NULL, returnOne);
  GROUP(allWell, NULL, NULL);
  return 0;
}
