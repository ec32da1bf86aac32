def describe_finding(env, finding): return "x", ""
