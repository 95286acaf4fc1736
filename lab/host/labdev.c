// SPDX-License-Identifier: GPL-2.0
/*
 * labdev - talk to the lab's device, which only the modelled machines have
 *
 *   labdev output         copy standard input to the run's output
 *   labdev dmesg          copy standard input to the run's dmesg.log
 *   labdev exit STATUS    end the machine with this exit status
 *   labdev run COMMAND... run COMMAND, its output becoming the run's output,
 *                         until it exits; exit with its status (128 + signal
 *                         if one killed it, 127 if it cannot be started)
 *
 * Exit status otherwise: 0 done, 1 no access to the ports, 2 bad usage.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	PORT_OUTPUT	= 0x500,
	PORT_EXIT	= 0x501,
	PORT_DMESG	= 0x502,
	PORTS		= 3,
};

static char buf[1 << 16];

/* Copy what @fd has now, at most one buffer; returns read()'s result. */
static ssize_t copy_some(int fd, int port)
{
	ssize_t n;

	do
		n = read(fd, buf, sizeof(buf));
	while (n < 0 && errno == EINTR);

	if (n > 0)
		outsb(port, buf, n);
	return n;
}

static void open_ports(void)
{
	if (ioperm(PORT_OUTPUT, PORTS, 1)) {
		perror("labdev: ioperm");
		exit(1);
	}
}

static void copy_all(int fd, int port)
{
	while (copy_some(fd, port) > 0)
		;
}

static int run(char **argv)
{
	struct pollfd fds[2];
	sigset_t chld, old;
	int p[2], status;
	pid_t pid;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, &old);
	fds[1].fd = signalfd(-1, &chld, SFD_CLOEXEC);
	if (fds[1].fd < 0 || pipe2(p, O_CLOEXEC)) {
		perror("labdev");
		return 1;
	}
	fds[0].fd = p[0];
	fds[0].events = fds[1].events = POLLIN;

	pid = fork();
	if (pid < 0) {
		perror("labdev: fork");
		return 1;
	}
	if (!pid) {
		sigprocmask(SIG_SETMASK, &old, NULL);
		dup2(p[1], 1);
		dup2(p[1], 2);
		execvp(argv[0], argv);
		fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	close(p[1]);

	/* Only now: COMMAND must not inherit an I/O bitmap to be switched. */
	open_ports();

	/* Background children may keep the pipe open: only COMMAND counts. */
	while (waitpid(pid, &status, WNOHANG) == 0) {
		struct signalfd_siginfo info;

		poll(fds, 2, -1);
		if (fds[0].revents && copy_some(p[0], PORT_OUTPUT) <= 0)
			fds[0].fd = -1;
		if (fds[1].revents && read(fds[1].fd, &info, sizeof(info)) < 0)
			perror("labdev: signalfd");
	}
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	copy_all(p[0], PORT_OUTPUT);

	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "output") && argc == 2) {
		open_ports();
		copy_all(0, PORT_OUTPUT);
	} else if (!strcmp(what, "dmesg") && argc == 2) {
		open_ports();
		copy_all(0, PORT_DMESG);
	} else if (!strcmp(what, "exit") && argc == 3) {
		open_ports();
		outb(atoi(argv[2]), PORT_EXIT);
	} else if (!strcmp(what, "run") && argc > 2) {
		return run(argv + 2);
	} else {
		fprintf(stderr, "usage: labdev output|dmesg|exit STATUS|run COMMAND...\n");
		return 2;
	}
	return 0;
}
