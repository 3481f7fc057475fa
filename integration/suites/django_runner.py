"""Django's test runner, which also writes how each test ended, in as much of JUnit's XML as `outcome` reads."""

import os
import unittest
from xml.etree import ElementTree

from django.test.runner import DiscoverRunner


class Result(unittest.TextTestResult):
    """Keeps an element for each test."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.report = ElementTree.Element("testsuite")
        self.cases = {}

    def _say(self, test, how: str | None = None, what: str = "") -> None:
        name = test.id()
        if name not in self.cases:
            group, _, own = name.rpartition(".")
            self.cases[name] = ElementTree.SubElement(self.report, "testcase", classname=group, name=own)
        if how:
            ElementTree.SubElement(self.cases[name], how).text = what

    def startTest(self, test):
        super().startTest(test)
        self._say(test)

    def addError(self, test, err):
        super().addError(test, err)
        self._say(test, "error", self._exc_info_to_string(err, test))

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._say(test, "failure", self._exc_info_to_string(err, test))

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self._say(test, "failure", self._exc_info_to_string(err, test))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._say(test, "skipped", reason)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self._say(test, "failure", "an unexpected success")


class Runner(DiscoverRunner):
    """Names our result, and writes it down at the end."""

    def get_resultclass(self):
        return Result

    def run_suite(self, suite, **kwargs):
        result = super().run_suite(suite, **kwargs)
        ElementTree.ElementTree(result.report).write(os.environ["PGWEIR_JUNIT"])
        return result
