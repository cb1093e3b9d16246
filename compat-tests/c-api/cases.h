/* The parts of the program, by the letters of the table. */
#ifndef CASES_H
#define CASES_H

extern int stock; /* check stock's values where ours differ */

void cases_a(void); /* without a connection */
void cases_b(void); /* connecting */
void cases_c(void); /* handshake with a scripted server */
void cases_d(void); /* join and leave */
void cases_e(void); /* membership */
void cases_f(void); /* multicast and receive */
void cases_g(void); /* short buffers */
void cases_h(void); /* messages of a scripted server */
void cases_i(void); /* threads and fork */
void cases_j(void); /* violations */
void cases_k_first(void); /* must run before anything else */
void cases_k(void);       /* limits */

#endif
