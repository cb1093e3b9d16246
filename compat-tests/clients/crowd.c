/* crowd ADDRESS COUNT: that many processes connect at the same moment, each once, without trying again. Prints a line
 * for each that failed, and how many did; exit status 1 when any did. */
#define _GNU_SOURCE
#include <sp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **words) {
    if (count != 3) return 2;
    int crowd = atoi(words[2]), start[2], done[2], failed = 0, status;
    if (pipe(start) || pipe(done)) return 2;
    for (int i = 0; i < crowd; i++) {
        if (fork()) continue;
        char user[16], name[MAX_GROUP_NAME], byte;
        mailbox box;
        sp_time limit = {20, 0};
        close(start[1]);
        close(done[1]);
        snprintf(user, sizeof user, "c%d", i);
        if (read(start[0], &byte, 1) != 0) return 2; /* the end of the pipe: all of us at once */
        int result = SP_connect_timeout(words[1], user, 0, 1, &box, name, limit);
        if (result != ACCEPT_SESSION) printf("%s: %d\n", user, result);
        fflush(stdout);
        /* Nobody leaves before everybody has tried. */
        alarm(30);
        if (read(done[0], &byte, 1) != 0) return 2;
        _exit(result != ACCEPT_SESSION);
    }
    close(start[0]);
    close(done[0]);
    usleep(300000); /* all wait at the pipe; whoever comes later is only less of a crowd */
    close(start[1]);
    usleep(1000000);
    close(done[1]);
    while (wait(&status) > 0) failed += status != 0;
    printf("%d of %d failed\n", failed, crowd);
    return failed > 0;
}
